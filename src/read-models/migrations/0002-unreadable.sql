CREATE VIEW read_model.incident_of_reading AS
SELECT u.position, b.projection, u.event, u.reason
FROM projector.unreadable u
JOIN projector.build b USING (build_id)
JOIN projector.served s ON s.build_id = b.build_id;

CREATE VIEW read_model.unreadable AS TABLE read_model.incident_of_reading;
