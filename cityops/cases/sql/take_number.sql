-- The next number of a district on a day. The counter's row stays locked until the commit, so a rolled back report leaves no gap.
-- No row comes back when the district has used up the five digits of the day.
INSERT INTO cases.number_counters AS n (district, counted_on, last)
VALUES (:district, :counted_on, 1)
ON CONFLICT (district, counted_on) DO UPDATE SET last = n.last + 1 WHERE n.last < 99999
RETURNING last
