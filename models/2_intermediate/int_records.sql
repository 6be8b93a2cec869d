-- int_records: every record of every entity in both CRMs, deleted and archived ones included.
-- grain: one row per record_key
with final as (

    select
        'person' as entity, record_key, source_system, source_object, source_id, display_name,
        is_live, is_candidate, primary_rank, primary_at, created_at, modified_at
    from int_person_records
    union all
    select
        'company' as entity, record_key, source_system, source_object, source_id, display_name,
        is_live, is_candidate, primary_rank, primary_at, created_at, modified_at
    from int_company_records
    union all
    select
        'deal' as entity, record_key, source_system, source_object, source_id, display_name,
        is_live, is_candidate, primary_rank, primary_at, created_at, modified_at
    from int_deal_records

)

select * from final
