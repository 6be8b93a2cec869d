-- crosswalk: which golden record every source record belongs to, deleted and archived records included.
-- grain: one row per record_key
with clusters as (

    select * from int_clusters

),

golden_ids as (

    select * from int_golden_ids

),

records as (

    select * from int_records

),

known as (

    select * from state.crosswalk

),

final as (

    select
        records.record_key,
        records.source_system,
        records.source_object,
        records.source_id,
        golden_ids.golden_id,
        records.entity,
        records.is_live,
        coalesce(known.first_seen_at, (select as_of_at from project.run)) as first_seen_at,
        (select as_of_at from project.run) as last_seen_at
    from records
    inner join clusters
        on records.record_key = clusters.record_key
    inner join golden_ids
        on clusters.cluster_key = golden_ids.cluster_key
    left join known
        on records.record_key = known.record_key

)

select * from final
