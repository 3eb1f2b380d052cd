-- Why a device cannot be sent to is a term of the index from here on, so that
-- an audience can be counted by it. Devices that are in such a state already
-- get an index change as if they had come into it now.
INSERT INTO index_change (app_id, block, number, gained, lost)
  SELECT app_id, number / 65536, number, 'state:opted_out', '' FROM device WHERE push_disabled <> 0 ORDER BY app_id, number;
INSERT INTO index_change (app_id, block, number, gained, lost)
  SELECT app_id, number / 65536, number, 'state:quarantined', '' FROM device WHERE retired_reason <> '' ORDER BY app_id, number;
