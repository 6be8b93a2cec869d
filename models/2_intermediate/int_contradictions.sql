-- int_contradictions: two records that some chain of evidence links, and that are known to be different.
-- grain: one row per left_key, right_key
-- `left_key` is the smaller of the two. People of two full names that cannot be one name are two people;
-- of one family name with two given names they are two unless one CRM stores the id of the other.
with components as (

    select * from int_components

),

links as (

    select distinct left_key, right_key from int_edges where strength >= 3

),

people as (

    select
        components.component_key,
        records.record_key,
        records.name_key,
        records.first_name,
        records.last_name,
        records.display_name
    from int_person_records as records
    inner join components
        on records.record_key = components.record_key
    where records.name_key is not null

),

of_several_names as (

    select component_key
    from people
    group by component_key
    having min(name_key) <> max(name_key)

),

named_people as (

    select people.*
    from people
    left semi join of_several_names
        on people.component_key = of_several_names.component_key

),

names_compared as (

    select
        lefts.record_key as left_key,
        rights.record_key as right_key,
        person_name_relation(lefts.first_name, lefts.last_name, rights.first_name, rights.last_name) as relation,
        concat(lefts.display_name, ' / ', rights.display_name) as sentence
    from named_people as lefts
    inner join named_people as rights
        on lefts.component_key = rights.component_key and lefts.record_key < rights.record_key
    where lefts.name_key <> rights.name_key

),

names_that_differ as (

    select
        names_compared.left_key,
        names_compared.right_key,
        names_compared.relation as reason,
        names_compared.sentence
    from names_compared
    left join links
        on names_compared.left_key = links.left_key and names_compared.right_key = links.right_key
    where
        names_compared.relation = 'names_differ'
        or (names_compared.relation = 'given_names_differ' and links.left_key is null)

),

accounts as (

    select
        record_key('salesforce', 'Account', account_id) as record_key,
        record_key('salesforce', 'Account', parent_account_id) as parent_key,
        account_name
    from stg_salesforce__accounts
    where not is_deleted

),

-- A group's head and its subsidiary are two companies, whatever they share.
parents_and_subsidiaries as (

    select
        least(accounts.record_key, parents.record_key) as left_key,
        greatest(accounts.record_key, parents.record_key) as right_key,
        'parent_and_subsidiary' as reason,
        concat(accounts.account_name, ' belongs to ', parents.account_name) as sentence
    from accounts
    inner join accounts as parents
        on accounts.parent_key = parents.record_key
    inner join components
        on accounts.record_key = components.record_key
    inner join components as parent_components
        on parents.record_key = parent_components.record_key and components.component_key = parent_components.component_key
    where accounts.record_key <> parents.record_key

),

declared as (

    select
        left_key,
        right_key,
        'declared_different' as reason,
        because as sentence
    from int_identity_decisions
    where verdict = 'different'

),

all_contradictions as (

    select * from names_that_differ
    union all
    select * from parents_and_subsidiaries
    union all
    select * from declared

),

final as (

    select
        left_key,
        right_key,
        min(reason) as reason,
        min(sentence) as sentence
    from all_contradictions
    group by left_key, right_key

)

select * from final
