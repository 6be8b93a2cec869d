-- int_person_edges: evidence that two records are one person, each edge with the rule that made it.
-- grain: one row per left_key, right_key, rule
-- A key links its holders pair by pair; past ten holders it is somebody's default value or a team's, and
-- links only those of one name, so that the number of edges grows with the records and not with their pairs.
with contacts as (

    select * from stg_hubspot__contacts

),

leads as (

    select * from stg_salesforce__leads

),

records as (

    select * from int_person_records

),

emails as (

    select
        emails.*,
        records.name_key
    from int_person_emails as emails
    inner join records
        on emails.record_key = records.record_key
    where emails.n_holders > 1

),

-- Numbers that one name has, or two: a person's own, not a switchboard's.
phones as (

    select
        records.record_key,
        records.name_key,
        records.email_key,
        phones.phone_key
    from int_person_phones as phones
    inner join records
        on phones.record_key = records.record_key
    where phones.n_names <= 2 and records.name_key is not null

),

aliases as (

    select * from int_record_aliases

),

salesforce_records as (

    select * from records where source_system = 'salesforce'

),

stored_hubspot_ids as (

    select lead_id as salesforce_id, hubspot_id from leads where hubspot_id is not null
    union all
    select contact_id as salesforce_id, hubspot_id from stg_salesforce__contacts where hubspot_id is not null

),

-- Merging makes a new id; whoever still stores an old one means the survivor.
hubspot_ids as (

    select contact_id, contact_id as known_as from contacts
    union all
    select
        contacts.contact_id,
        split_part(aliases.former_key, ':', 3) as known_as
    from contacts
    inner join aliases
        on record_key('hubspot', 'contacts', contacts.contact_id) = aliases.record_key

),

claims as (

    select * from int_person_claims

),

-- A stored id is believed unless the record it names stores another contact: two contacts that claim
-- one record are a fault to list, not one person. Where the record stores none, of several claims
-- those are believed that an address or a name bears out.
links_stored_in_hubspot as (

    select
        claims.contact_key as left_key,
        claims.salesforce_key as right_key,
        'link_in_hubspot' as rule,
        claims.salesforce_id as evidence
    from claims
    left join stored_hubspot_ids
        on claims.salesforce_id = stored_hubspot_ids.salesforce_id
    left join hubspot_ids
        on
            stored_hubspot_ids.hubspot_id = hubspot_ids.known_as
            and claims.contact_id = hubspot_ids.contact_id
    where
        hubspot_ids.contact_id is not null
        or (stored_hubspot_ids.hubspot_id is null and (claims.n_claims = 1 or claims.is_borne_out))

),

links_stored_in_salesforce as (

    select
        record_key('hubspot', 'contacts', hubspot_ids.contact_id) as left_key,
        salesforce_records.record_key as right_key,
        'link_in_salesforce' as rule,
        stored_hubspot_ids.hubspot_id as evidence
    from stored_hubspot_ids
    inner join hubspot_ids
        on stored_hubspot_ids.hubspot_id = hubspot_ids.known_as
    inner join salesforce_records
        on stored_hubspot_ids.salesforce_id = salesforce_records.source_id

),

-- The contact may have been merged into another since.
conversions as (

    select
        record_key('salesforce', 'Lead', leads.lead_id) as left_key,
        records.record_key as right_key,
        'conversion' as rule,
        leads.converted_contact_id as evidence
    from leads
    left join aliases
        on record_key('salesforce', 'Contact', leads.converted_contact_id) = aliases.former_key
    inner join records
        on coalesce(aliases.record_key, record_key('salesforce', 'Contact', leads.converted_contact_id)) = records.record_key
    where leads.converted_contact_id is not null

),

-- Losers that are still there to be seen.
merges as (

    select
        records.record_key as left_key,
        aliases.record_key as right_key,
        'merge_in_salesforce' as rule,
        split_part(aliases.record_key, ':', 3) as evidence
    from salesforce_records as records
    inner join aliases
        on records.record_key = aliases.former_key

),

shared_emails as (

    select
        lefts.record_key as left_key,
        rights.record_key as right_key,
        -- An edge is as strong as the weaker of its two ends.
        case
            when 'former_email' in (lefts.email_kind, rights.email_kind) then 'same_former_email'
            when 'additional_email' in (lefts.email_kind, rights.email_kind) then 'same_additional_email'
            else 'same_email'
        end as rule,
        lefts.email_key as evidence
    from emails as lefts
    inner join emails as rights
        on lefts.email_key = rights.email_key and lefts.record_key < rights.record_key
    where
        lefts.n_holders <= 10
        and (
            not (lefts.has_moved_on or rights.has_moved_on)
            or lefts.name_key = rights.name_key
        )

),

-- Of an address that many hold, the name is the second signal.
much_shared_emails as (

    select
        min(record_key) over (partition by email_key, name_key) as left_key,
        record_key as right_key,
        'same_email_and_name' as rule,
        concat(email_key, ' ', name_key) as evidence
    from emails
    where n_holders > 10 and name_key is not null

),

-- Two signals that agree: a full name and a phone number.
names_and_phones as (

    select
        *,
        min(record_key) over (partition by name_key, phone_key) as first_key,
        first_value(email_key) over (partition by name_key, phone_key order by record_key) as first_email_key
    from phones

),

-- Two of one name at one company are two, where each has an address of her own there.
shared_names_and_phones as (

    select
        first_key as left_key,
        record_key as right_key,
        'same_name_and_phone' as rule,
        concat(name_key, ' ', phone_key) as evidence
    from names_and_phones
    where
        email_key is null
        or first_email_key is null
        or email_key = first_email_key
        or split_part(email_key, '@', 2) <> split_part(first_email_key, '@', 2)
        or is_free_mail(split_part(email_key, '@', 2))

),

declared as (

    select
        left_key,
        right_key,
        'declared_same' as rule,
        because as evidence
    from int_identity_decisions
    where entity = 'person' and verdict = 'same'

),

all_edges as (

    select * from links_stored_in_hubspot
    union all
    select * from links_stored_in_salesforce
    union all
    select * from conversions
    union all
    select * from merges
    union all
    select * from shared_emails
    union all
    select * from much_shared_emails
    union all
    select * from shared_names_and_phones
    union all
    select * from declared

),

final as (

    select
        'person' as entity,
        least(left_key, right_key) as left_key,
        greatest(left_key, right_key) as right_key,
        rule,
        min(evidence) as evidence
    from all_edges
    where left_key <> right_key
    group by least(left_key, right_key), greatest(left_key, right_key), rule

)

select * from final
