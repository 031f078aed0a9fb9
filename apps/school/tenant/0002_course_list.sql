-- Courses with their teacher and how many seats are left.
CREATE VIEW course_list WITH (security_invoker) AS
SELECT c.id, c.title, t.name AS teacher, c.capacity - count(e.student_id) AS seats_left, round(avg(e.grade), 2) AS mean_grade
FROM courses c
JOIN teachers t ON t.id = c.teacher_id
LEFT JOIN enrolments e ON e.course_id = c.id
GROUP BY c.id, t.name;
