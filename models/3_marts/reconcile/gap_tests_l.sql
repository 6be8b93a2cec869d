-- gap_tests_l: people with a live Salesforce record that the counted contact is not linked to.
-- grain: one row per row_key, code
with exits as (

    select * from gap_exits

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

contact_history as (

    select * from stg_hubspot__contact_history
    where property = 'email'

),

lead_history as (

    select * from stg_salesforce__lead_history

),

salesforce_contact_history as (

    select * from stg_salesforce__contact_history

),

links as (

    select distinct
        hubspot_contact_id,
        salesforce_id
    from person_links

),

stored_ids as (

    select * from int_gap_stored_ids
    where not is_archived

),

integration_users as (

    select * from int_gap_integration_users

),

live_records as (

    select * from salesforce_people
    where is_live

),

unlinked as (

    select
        exits.golden_id,
        exits.row_key,
        exits.contact_id,
        exits.email as contact_email,
        exits.additional_emails,
        exits.first_name as contact_first_name,
        exits.last_name as contact_last_name,
        exits.phone as contact_phone,
        exits.company_name as contact_company_name,
        live_records.salesforce_object,
        live_records.salesforce_id,
        live_records.email,
        live_records.first_name,
        live_records.last_name,
        live_records.phone,
        live_records.company_name,
        live_records.created_by_id,
        concat(exits.evidence, ';salesforce.', live_records.salesforce_object, '/', live_records.salesforce_id) as evidence
    from exits
    inner join live_records
        on exits.golden_id = live_records.golden_id
    where exits.n_linked_records = 0

),

former_emails_in_salesforce as (

    select lead_id as salesforce_id, lower(old_value) as email
    from lead_history
    where field = 'Email'
    union all
    select contact_id as salesforce_id, lower(old_value) as email
    from salesforce_contact_history
    where field = 'Email'

),

records_with_former_email as (

    select
        unlinked.*,
        'carries the email the contact had before' as finding
    from unlinked
    inner join contact_history
        on unlinked.contact_id = contact_history.contact_id
        and unlinked.email = lower(contact_history.value)
    where (unlinked.email is distinct from unlinked.contact_email)
    union all
    select
        unlinked.*,
        'had the email of the contact before it was changed there' as finding
    from unlinked
    inner join former_emails_in_salesforce
        on unlinked.salesforce_id = former_emails_in_salesforce.salesforce_id
        and unlinked.contact_email = former_emails_in_salesforce.email
    where (unlinked.email is distinct from unlinked.contact_email)

),

email_changed as (

    select
        golden_id, row_key, 'L1' as code, 'A' as grade, true as may_be_primary,
        concat('Salesforce ', min(salesforce_object), ' ', min(salesforce_id), ' ', first_value(finding order by salesforce_id, finding)) as sentence,
        min(evidence) as evidence
    from records_with_former_email
    group by golden_id, row_key

),

additional_email as (

    select
        golden_id, row_key, 'L2' as code, 'A' as grade, true as may_be_primary,
        concat('Salesforce ', min(salesforce_object), ' ', min(salesforce_id), ' carries an additional email of the contact') as sentence,
        min(evidence) as evidence
    from unlinked
    where array_has(string_to_array(replace(additional_emails, ' ', ''), ';'), email)
    group by golden_id, row_key

),

other_spelling as (

    select
        golden_id, row_key, 'L3' as code, 'B' as grade, true as may_be_primary,
        concat('Salesforce ', min(salesforce_object), ' ', min(salesforce_id), ' carries another spelling of the same mailbox') as sentence,
        min(evidence) as evidence
    from unlinked
    where (email is distinct from contact_email)
        and split_part(email, '@', 2) = split_part(contact_email, '@', 2)
        and replace(split_part(split_part(email, '@', 1), '+', 1), '.', '')
            = replace(split_part(split_part(contact_email, '@', 1), '+', 1), '.', '')
    group by golden_id, row_key

),

stale_id as (

    select
        unlinked.golden_id, unlinked.row_key, 'L5' as code, 'A' as grade, true as may_be_primary,
        concat(
            'The contact is linked to ', min(stored_ids.stored_id), ', which is ',
            first_value(
                case
                    when stored_ids.is_merged then 'merged away'
                    when stored_ids.is_deleted then 'deleted'
                    when stored_ids.is_converted then 'converted'
                    else 'not in this org'
                end
                order by stored_ids.stored_id
            ),
            ', while ', min(unlinked.salesforce_object), ' ', min(unlinked.salesforce_id), ' is live'
        ) as sentence,
        min(unlinked.evidence) as evidence
    from unlinked
    inner join stored_ids
        on unlinked.contact_id = stored_ids.contact_id
    where not stored_ids.is_live
    group by unlinked.golden_id, unlinked.row_key

),

twin_made_by_rep as (

    select
        unlinked.golden_id, unlinked.row_key, 'L4' as code, 'B' as grade, true as may_be_primary,
        concat('Salesforce ', min(unlinked.salesforce_object), ' ', min(unlinked.salesforce_id), ' was made by hand for the same person and never linked') as sentence,
        min(unlinked.evidence) as evidence
    from unlinked
    left join integration_users
        on unlinked.created_by_id = integration_users.user_id
    where integration_users.user_id is null
        and unlinked.created_by_id like '005%'
        and (
            unlinked.email = unlinked.contact_email
            or (
                person_name_key(unlinked.first_name, unlinked.last_name) = person_name_key(unlinked.contact_first_name, unlinked.contact_last_name)
                and (
                    company_name_key(unlinked.company_name) = company_name_key(unlinked.contact_company_name)
                    or phone_key(unlinked.phone, {{ project.phone_region | quote }}) = phone_key(unlinked.contact_phone, {{ project.phone_region | quote }})
                )
            )
        )
    group by unlinked.golden_id, unlinked.row_key

),

linked_to_other_duplicate as (

    select
        exits.golden_id, exits.row_key, 'L6' as code, 'A' as grade, true as may_be_primary,
        concat('The contact is linked to ', min(linked_records.salesforce_id), ', but Sales works ', min(worked_records.salesforce_id)) as sentence,
        concat(min(exits.evidence), ';salesforce.', min(linked_records.salesforce_object), '/', min(linked_records.salesforce_id), ';salesforce.', min(worked_records.salesforce_object), '/', min(worked_records.salesforce_id)) as evidence
    from exits
    inner join links
        on exits.contact_id = links.hubspot_contact_id
    inner join live_records as linked_records
        on links.salesforce_id = linked_records.salesforce_id
    inner join live_records as worked_records
        on exits.golden_id = worked_records.golden_id
        and linked_records.salesforce_object = worked_records.salesforce_object
    left join links as links_to_worked
        on exits.contact_id = links_to_worked.hubspot_contact_id
        and worked_records.salesforce_id = links_to_worked.salesforce_id
    where links_to_worked.salesforce_id is null
        and linked_records.last_activity_date is null
        and worked_records.last_activity_date is not null
    group by exits.golden_id, exits.row_key

),

contacts_by_stored_id as (

    select
        stored_id,
        count(distinct contact_id) as n_contacts
    from stored_ids
    where is_live
    group by stored_id

),

two_contacts_one_record as (

    select
        exits.golden_id, exits.row_key, 'L7' as code, 'A' as grade, true as may_be_primary,
        concat('Another live contact carries the same Salesforce id ', min(stored_ids.salesforce_id)) as sentence,
        concat(min(exits.evidence), ';salesforce.', min(stored_ids.salesforce_object), '/', min(stored_ids.salesforce_id)) as evidence
    from exits
    inner join stored_ids
        on exits.contact_id = stored_ids.contact_id
    inner join contacts_by_stored_id
        on stored_ids.stored_id = contacts_by_stored_id.stored_id
    where contacts_by_stored_id.n_contacts > 1
        and exits.n_linked_records = 0
    group by exits.golden_id, exits.row_key

),

tests as (

    select * from email_changed
    union all
    select * from additional_email
    union all
    select * from other_spelling
    union all
    select * from stale_id
    union all
    select * from twin_made_by_rep
    union all
    select * from linked_to_other_duplicate
    union all
    select * from two_contacts_one_record

),

final as (

    select
        golden_id,
        'exit' as side,
        row_key,
        code,
        grade,
        sentence,
        evidence,
        may_be_primary
    from tests

)

select * from final
