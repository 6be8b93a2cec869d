-- What makes up the gap, and who can close it? Asked by both VPs.
-- grain: one row per side, code
select
    gap_reasons.side,
    gap_reasons.code,
    gap_reasons.grade,
    gap_reasons.fix_by,
    count(*) as n_rows
from gap_reasons
group by gap_reasons.side, gap_reasons.code, gap_reasons.grade, gap_reasons.fix_by
order by n_rows desc, gap_reasons.code
