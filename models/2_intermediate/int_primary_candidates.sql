-- int_primary_candidates: the live records of each golden id in each CRM, in the order in which they may be primary.
-- grain: one row per record_key
-- `choice` 1 is the primary: once chosen it stays while it lives. `merit` is the order by the rules alone,
-- whoever was chosen before; where the two differ, the merge worklist says so.
with crosswalk as (

    select * from crosswalk

),

records as (

    select * from int_records

),

chosen_before as (

    select * from state.primaries

),

candidates as (

    select
        crosswalk.golden_id,
        crosswalk.entity,
        records.* exclude (entity),
        chosen_before.rule is not null as was_chosen,
        chosen_before.rule as rule_before,
        chosen_before.chosen_at as chosen_before_at
    from crosswalk
    inner join records
        on crosswalk.record_key = records.record_key
    left join chosen_before
        on records.record_key = chosen_before.record_key
    where records.is_candidate

),

salesforce_ranked as (

    select
        *,
        row_number() over (
            partition by golden_id
            order by was_chosen desc, primary_rank, primary_at desc nulls last, created_at, record_key
        ) as choice,
        row_number() over (
            partition by golden_id
            order by primary_rank, primary_at desc nulls last, created_at, record_key
        ) as merit
    from candidates
    where source_system = 'salesforce'

),

salesforce_primaries as (

    select * from salesforce_ranked where choice = 1

),

linked_to_salesforce_primary as (

    select distinct
        int_edges.left_key as record_key,
        salesforce_primaries.golden_id
    from int_edges
    inner join salesforce_primaries
        on int_edges.right_key = salesforce_primaries.record_key
    where int_edges.rule in ('link_in_hubspot', 'link_in_salesforce')

),

hubspot_ranked as (

    select
        candidates.*,
        row_number() over (
            partition by candidates.golden_id
            order by
                candidates.was_chosen desc,
                (linked_to_salesforce_primary.record_key is not null) desc,
                candidates.primary_at desc nulls last,
                candidates.created_at,
                candidates.record_key
        ) as choice,
        row_number() over (
            partition by candidates.golden_id
            order by
                (linked_to_salesforce_primary.record_key is not null) desc,
                candidates.primary_at desc nulls last,
                candidates.created_at,
                candidates.record_key
        ) as merit
    from candidates
    left join linked_to_salesforce_primary
        on
            candidates.record_key = linked_to_salesforce_primary.record_key
            and candidates.golden_id = linked_to_salesforce_primary.golden_id
    where candidates.source_system = 'hubspot'

),

ranked as (

    select * from salesforce_ranked
    union all
    select * from hubspot_ranked

),

final as (

    select
        golden_id,
        entity,
        source_system,
        source_object,
        source_id,
        record_key,
        created_at,
        modified_at,
        choice,
        merit,
        coalesce(chosen_before_at, (select as_of_at from project.run)) as chosen_at,
        coalesce(
            rule_before,
            case
                when entity <> 'person' then 'linked, then oldest'
                when source_system = 'hubspot' then 'linked, then latest conversion, then oldest'
                when primary_rank = 1 then 'contact born of conversion'
                when primary_rank = 2 then 'contact'
                else 'open lead with the latest activity'
            end
        ) as rule
    from ranked

)

select * from final
