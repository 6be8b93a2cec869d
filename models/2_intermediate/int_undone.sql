-- int_undone: what an undo put back, and what it had taken away there, until Concord writes there again.
-- grain: one row per golden_id, field, source_system
-- The field is `(record)` where a record that a run had made was removed. What is held is not written
-- again as it was; a release ends that, and so does another value, which is not what was undone.
with heirs as (

    select * from int_golden_id_heirs

),

releases as (

    select * from int_holds where decision = 'release'

),

writes as (

    select
        golden_id,
        field,
        source_system,
        object,
        record_id,
        before as written,
        sent as restored,
        rule,
        run_id,
        as_timestamp(written_at) as undone_at
    from ops.outcomes
    where status = 'accepted' or (status = 'already' and rule like 'undo %')
    union all
    select golden_id, field, source_system, object, record_id, written, restored, rule, run_id, undone_at
    from state.undone

),

places as (

    select distinct source_system, object, record_id, field
    from writes
    where rule like 'undo %'

),

-- The last word about each place that was ever undone; a later write of ours ends the undo.
latest_ranked as (

    select
        writes.*,
        row_number() over (
            partition by writes.source_system, writes.object, writes.record_id, writes.field
            order by writes.undone_at desc, writes.run_id desc, writes.golden_id
        ) as choice
    from writes
    inner join places
        on
            writes.source_system = places.source_system
            and writes.object = places.object
            and writes.record_id = places.record_id
            and writes.field = places.field

),

today_ranked as (

    select
        coalesce(heirs.golden_id, latest_ranked.golden_id) as golden_id,
        latest_ranked.field,
        latest_ranked.source_system,
        latest_ranked.object,
        latest_ranked.record_id,
        latest_ranked.written,
        latest_ranked.restored,
        latest_ranked.rule,
        latest_ranked.run_id,
        latest_ranked.undone_at,
        row_number() over (
            partition by
                coalesce(heirs.golden_id, latest_ranked.golden_id),
                latest_ranked.field,
                latest_ranked.source_system
            order by latest_ranked.undone_at desc, latest_ranked.run_id desc, latest_ranked.record_id
        ) as choice
    from latest_ranked
    left join heirs
        on latest_ranked.golden_id = heirs.golden_id_before
    where latest_ranked.choice = 1 and latest_ranked.rule like 'undo %'

),

last_releases as (

    select
        today_ranked.golden_id,
        today_ranked.field,
        today_ranked.source_system,
        max(releases.decided_at) as released_at
    from today_ranked
    inner join releases
        on
            today_ranked.golden_id = releases.golden_id
            and (today_ranked.field = releases.field or releases.field = '(record)')
    group by today_ranked.golden_id, today_ranked.field, today_ranked.source_system

),

final as (

    select
        today_ranked.golden_id,
        today_ranked.field,
        today_ranked.source_system,
        today_ranked.object,
        today_ranked.record_id,
        today_ranked.written,
        today_ranked.restored,
        today_ranked.rule,
        today_ranked.run_id,
        -- What the field map said of the field when it was written; null for keys and links.
        case
            when today_ranked.rule in ('undo link', 'undo company_of_account', 'undo included', 'undo create_default', 'undo most_restrictive') then null
            when today_ranked.rule = 'undo owner_warehouse' then 'warehouse'
            when today_ranked.rule = 'undo owner_hubspot' then 'hubspot'
            when today_ranked.rule = 'undo owner_salesforce' then 'salesforce'
            when today_ranked.rule in ('undo before_handoff', 'undo after_handoff') then 'handoff'
            else 'two_way'
        end as owner,
        coalesce(last_releases.released_at < today_ranked.undone_at, true) as is_held,
        today_ranked.undone_at
    from today_ranked
    left join last_releases
        on
            today_ranked.golden_id = last_releases.golden_id
            and today_ranked.field = last_releases.field
            and today_ranked.source_system = last_releases.source_system
    where today_ranked.choice = 1

)

select * from final
