-- merge_worklist: records that one CRM keeps several of for one person, company or deal: which should survive a merge, and what each of the others has that it lacks.
-- grain: one row per record_key
-- Concord merges nothing. The survivor is proposed by the rules by which a primary is chosen; a lead beside
-- a contact is not merged but converted into it.
with candidates as (

    select * from int_primary_candidates

),

groups as (

    select
        golden_id,
        source_system,
        count(*) as n_records,
        min(case when merit = 1 then source_object end) as survivor_object,
        min(case when merit = 1 then source_id end) as survivor_id,
        min(case when merit = 1 then record_key end) as survivor_key
    from candidates
    group by golden_id, source_system
    having count(*) > 1

),

records as (

    select
        record_key,
        display_name
    from int_records

),

record_values as (

    select
        record_key,
        field,
        nullif(trim(raw), '') as raw,
        field_value(full_name, source_system, raw) as value
    from int_twin_values

),

compared as (

    select
        candidates.record_key,
        string_agg(
            case when survivor_values.raw is null and loser_values.raw is not null then concat(loser_values.field, ' = ', loser_values.raw) end,
            '; ' order by loser_values.field
        ) as only_here,
        string_agg(
            case
                when
                    survivor_values.raw is not null
                    and loser_values.raw is not null
                    and (loser_values.value is distinct from survivor_values.value)
                    then concat(loser_values.field, ' = ', loser_values.raw)
            end,
            '; ' order by loser_values.field
        ) as different_here
    from candidates
    inner join groups
        on candidates.golden_id = groups.golden_id and candidates.source_system = groups.source_system
    inner join record_values as loser_values
        on candidates.record_key = loser_values.record_key
    left join record_values as survivor_values
        on groups.survivor_key = survivor_values.record_key and loser_values.field = survivor_values.field
    where candidates.merit > 1
    group by candidates.record_key

),

-- A person whom a claim counts by several records would be counted once.
counted_again as (

    select
        source_system,
        source_object,
        record_id,
        string_agg(distinct side, ', ' order by side) as claims,
        count(*) as n_rows
    from gap_counted_rows
    where record_row = 1 and person_row > 1
    group by source_system, source_object, record_id

),

final as (

    select
        candidates.entity,
        candidates.golden_id,
        candidates.source_system,
        candidates.source_object,
        candidates.source_id,
        candidates.record_key,
        records.display_name,
        groups.n_records,
        groups.survivor_object,
        groups.survivor_id,
        case
            when candidates.merit = 1 then 'survives'
            when candidates.source_object = groups.survivor_object then 'merge'
            else 'convert'
        end as proposal,
        candidates.choice = 1 as is_primary,
        compared.only_here,
        compared.different_here,
        coalesce(counted_again.n_rows, 0) as n_counted_fewer,
        counted_again.claims as counted_fewer_by,
        candidates.created_at
    from candidates
    inner join groups
        on candidates.golden_id = groups.golden_id and candidates.source_system = groups.source_system
    left join records
        on candidates.record_key = records.record_key
    left join compared
        on candidates.record_key = compared.record_key
    left join counted_again
        on
            candidates.source_system = counted_again.source_system
            and candidates.source_object = counted_again.source_object
            and candidates.source_id = counted_again.record_id

)

select * from final
