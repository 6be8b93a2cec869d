-- gap_tests: every reason test that holds, for every person on one side only and every extra row.
-- grain: one row per row_key, code
with tests as (

    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_u
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_v
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_t
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_r
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_l
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_o
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_f
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_p
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_d
    union all
    select golden_id, side, row_key, code, grade, sentence, evidence, may_be_primary from gap_tests_x

),

-- A code can hold by two kinds of evidence; the better one speaks.
tests_ranked as (

    select
        *,
        row_number() over (
            partition by row_key, code
            order by may_be_primary desc, grade, sentence, evidence
        ) as test_rank
    from tests

),

final as (

    select
        golden_id,
        row_key,
        side,
        code,
        grade,
        sentence,
        evidence,
        may_be_primary
    from tests_ranked
    where test_rank = 1

)

select * from final
