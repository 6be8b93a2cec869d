-- int_golden_ids: the golden id of every cluster. A cluster keeps the oldest id among its members.
-- grain: one row per cluster_key
-- Where a cluster was split, the part with the longest-known member keeps the id.
with clusters as (

    select * from int_clusters

),

records as (

    select * from int_records

),

known as (

    select * from state.crosswalk

),

aliases as (

    select * from int_record_aliases

),

-- Members by every id under which state may know them.
members_known_as as (

    select cluster_key, record_key as known_as from clusters
    union all
    select
        clusters.cluster_key,
        aliases.former_key as known_as
    from clusters
    inner join aliases
        on clusters.record_key = aliases.record_key

),

-- When each golden id was first given.
golden_ages as (

    select
        golden_id,
        min(first_seen_at) as golden_first_seen_at
    from known
    group by golden_id

),

known_members as (

    select
        members_known_as.cluster_key,
        members_known_as.known_as,
        known.golden_id,
        known.first_seen_at,
        golden_ages.golden_first_seen_at
    from members_known_as
    inner join known
        on members_known_as.known_as = known.record_key
    inner join golden_ages
        on known.golden_id = golden_ages.golden_id

),

heirs_ranked as (

    select
        *,
        row_number() over (partition by golden_id order by first_seen_at, known_as) as heir_rank
    from known_members

),

inherited_ranked as (

    select
        *,
        row_number() over (partition by cluster_key order by golden_first_seen_at, golden_id) as age_rank
    from heirs_ranked
    where heir_rank = 1

),

inherited as (

    select cluster_key, golden_id from inherited_ranked where age_rank = 1

),

-- A part that split off mints from its smallest member and the id it left, never the id itself.
mint_seeds as (

    select
        clusters.cluster_key,
        min(records.entity) as entity,
        min(concat(clusters.record_key, ' ', coalesce(known.golden_id, ''))) as seed
    from clusters
    inner join records
        on clusters.record_key = records.record_key
    left join known
        on clusters.record_key = known.record_key
    group by clusters.cluster_key

),

final as (

    select
        mint_seeds.cluster_key,
        mint_seeds.entity,
        coalesce(inherited.golden_id, golden_id(mint_seeds.entity, mint_seeds.seed)) as golden_id
    from mint_seeds
    left join inherited
        on mint_seeds.cluster_key = inherited.cluster_key

)

select * from final
