-- int_rejections: what a CRM refused and has not taken since: why, how often, and what lets it go again.
-- grain: one row per golden_id, field, source_system
-- Refusals of one value in a row add up.
with refusals as (

    select * from int_refusals

),

records as (

    select * from int_records

),

decisions as (

    select * from int_field_decisions where status = 'action'

),

definitions as (

    select * from int_field_definitions

),

releases as (

    select * from int_holds where decision = 'release'

),

ranked as (

    select
        *,
        row_number() over (
            partition by golden_id, field, source_system
            order by last_refused_at desc, write_id desc, place
        ) as choice
    from refusals

),

latest as (

    select * exclude (choice, n_refusals, first_refused_at) from ranked where choice = 1

),

-- The last time that another value was refused there.
other_values as (

    select
        latest.golden_id,
        latest.place,
        max(refusals.last_refused_at) as refused_at
    from latest
    inner join refusals
        on latest.golden_id = refusals.golden_id and latest.place = refusals.place
    where refusals.sent <> latest.sent
    group by latest.golden_id, latest.place

),

counts as (

    select
        latest.golden_id,
        latest.place,
        sum(refusals.n_refusals) as n_refusals,
        min(refusals.first_refused_at) as first_refused_at
    from latest
    inner join refusals
        on latest.golden_id = refusals.golden_id and latest.place = refusals.place and latest.sent = refusals.sent
    left join other_values
        on latest.golden_id = other_values.golden_id and latest.place = other_values.place
    where other_values.place is null or refusals.last_refused_at > other_values.refused_at
    group by latest.golden_id, latest.place

),

counted as (

    select
        latest.*,
        refusal_reason(latest.code, latest.message) as reason_code,
        refusal_retry(refusal_reason(latest.code, latest.message)) as retry,
        counts.n_refusals,
        counts.first_refused_at,
        -- After two nights, then four, eight and fourteen; half a day less, for a night that starts early.
        case
            when counts.n_refusals = 1 then latest.last_refused_at + interval '36 hours'
            when counts.n_refusals = 2 then latest.last_refused_at + interval '84 hours'
            when counts.n_refusals = 3 then latest.last_refused_at + interval '180 hours'
            else latest.last_refused_at + interval '324 hours'
        end as retry_at
    from latest
    inner join counts
        on latest.golden_id = counts.golden_id and latest.place = counts.place

),

last_releases as (

    select
        counted.golden_id,
        counted.place,
        max(releases.decided_at) as released_at
    from counted
    inner join releases
        on
            counted.golden_id = releases.golden_id
            and (counted.field = '(record)' or releases.field in ('(record)', counted.field))
    group by counted.golden_id, counted.place

),

objects_defined as (

    select
        source_system,
        object,
        max(changed_at) as changed_at
    from definitions
    group by source_system, object

),

-- What waits together goes again once one of its values is another one. Links keep theirs.
together as (

    select
        counted.write_id,
        count(*) as n_same
    from counted
    left join decisions
        on
            counted.golden_id = decisions.golden_id
            and counted.field = decisions.field
            and counted.source_system = decisions.target_system
            and counted.record_id = decisions.target_id
    where
        counted.field like '(%'
        or (decisions.golden_id is not null and coalesce(decisions.image, '') = counted.sent)
    group by counted.write_id

),

weighed as (

    select
        counted.*,
        case
            when counted.retry = 'next_night' then 'next_night'
            when last_releases.released_at >= counted.last_refused_at then 'release'
            -- Our own writes of other fields change a record as well, and cure nothing. Clocks differ a little.
            when
                counted.retry = 'record_change'
                and records.modified_at
                > greatest(counted.last_refused_at, coalesce(counted.own_written_at, counted.last_refused_at)) + interval '60 seconds'
                then 'record_change'
            when
                case when counted.named_field is null then objects_defined.changed_at else definitions.changed_at end
                > counted.last_refused_at
                then 'field_change'
            when (select as_of_at from project.run) >= counted.retry_at then 'time'
            when coalesce(together.n_same, 0) < counted.n_together then 'other_value'
        end as let_go_by
    from counted
    left join last_releases
        on counted.golden_id = last_releases.golden_id and counted.place = last_releases.place
    left join records
        on record_key(counted.source_system, counted.object, counted.record_id) = records.record_key
    left join definitions
        on
            counted.source_system = definitions.source_system
            and counted.object = definitions.object
            and counted.target_field = definitions.field
    left join objects_defined
        on counted.source_system = objects_defined.source_system and counted.object = objects_defined.object
    left join together
        on counted.write_id = together.write_id

),

final as (

    select
        golden_id,
        field,
        source_system,
        object,
        operation,
        record_id,
        target_field,
        named_field,
        sent,
        code,
        message,
        reason_code,
        retry,
        write_id,
        n_together,
        n_refusals,
        first_refused_at,
        last_refused_at,
        case when retry <> 'next_night' then retry_at end as retry_at,
        case
            when retry = 'next_night' then 'goes again every night'
            else concat(
                'goes again with another value, ',
                case when retry = 'record_change' and operation = 'update' then 'once somebody changes the record there, ' else '' end,
                'once the field is defined otherwise there, after `concord release`, or on ',
                to_char(retry_at + interval '12 hours', '%Y-%m-%d')
            )
        end as release_condition,
        let_go_by,
        let_go_by is null as is_held
    from weighed

)

select * from final
