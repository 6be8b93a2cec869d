-- int_clusters: which records are one person, company or deal: what hangs together, taken apart where
-- the evidence contradicts itself.
-- grain: one row per record_key
-- Weaker evidence gives way to stronger; what only a guess could settle is left apart.
with components as (

    select * from int_components

),

contradictions as (

    select * from int_contradictions

),

contested as (

    select distinct components.component_key
    from contradictions
    inner join components
        on contradictions.left_key = components.record_key

),

different as (

    select left_key, right_key from int_identity_decisions where verdict = 'different'

),

-- An id stored by a CRM and the same address are two signals that agree, and not refused for a name;
-- but for nothing where somebody decided that the two are different.
pairs as (

    select
        int_edges.left_key,
        int_edges.right_key,
        case
            when max(int_edges.strength) = 3 and max(case when int_edges.rule = 'same_email' then 1 else 0 end) = 1 then 4
            else max(int_edges.strength)
        end as strength
    from int_edges
    left anti join different
        on int_edges.left_key = different.left_key and int_edges.right_key = different.right_key
    group by int_edges.left_key, int_edges.right_key

),

ties as (

    select
        pairs.left_key,
        pairs.right_key,
        pairs.strength
    from pairs
    inner join components
        on pairs.left_key = components.record_key
    left semi join contested
        on components.component_key = contested.component_key
    union all
    select
        left_key,
        right_key,
        cast(0 as bigint) as strength
    from contradictions

),

separated as (

    select separated_components(left_key, right_key, strength) as members from ties

),

nodes as (

    select unnest(members) as node from separated

),

final as (

    select
        components.record_key,
        components.component_key as cluster_key
    from components
    left anti join contested
        on components.component_key = contested.component_key
    union all
    select
        components.record_key,
        coalesce(nodes.node['component'], components.record_key) as cluster_key
    from components
    left semi join contested
        on components.component_key = contested.component_key
    left join nodes
        on components.record_key = nodes.node['member']

)

select * from final
