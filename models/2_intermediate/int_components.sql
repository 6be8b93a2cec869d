-- int_components: which records hang together, over all evidence, contradicted or not.
-- grain: one row per record_key
with edges as (

    select left_key, right_key from int_edges
    union all
    -- A record without evidence is a component of its own.
    select record_key as left_key, record_key as right_key from int_records

),

components as (

    select connected_components(left_key, right_key) as members from edges

),

nodes as (

    select unnest(members) as node from components

),

final as (

    select
        node['member'] as record_key,
        node['component'] as component_key
    from nodes

)

select * from final
