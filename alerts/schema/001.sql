-- Times are seconds since the Unix epoch. Columns named as in ntopng's network_alerts mean the same.
-- Texts may hold NUL and invalid UTF-8.

CREATE TABLE engaged (
	network TEXT NOT NULL, -- canonical CIDR
	periodicity INTEGER NOT NULL, -- 0 aperiodic, 1 minute, 2 five minutes, 3 hour, 4 day, 7 five seconds
	alert_key TEXT NOT NULL,
	row_id INTEGER NOT NULL,
	local_network_id INTEGER NOT NULL,
	name TEXT NOT NULL, -- of the network
	alert_id INTEGER NOT NULL,
	alert_category INTEGER NOT NULL,
	subtype TEXT NOT NULL,
	score INTEGER NOT NULL,
	tstamp INTEGER NOT NULL,
	description TEXT NOT NULL,
	json TEXT NOT NULL,
	ip TEXT NOT NULL,
	host_name TEXT NOT NULL,
	port INTEGER NOT NULL,
	check_key TEXT NOT NULL,
	PRIMARY KEY (network, periodicity, alert_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE network_alerts (
	row_id INTEGER PRIMARY KEY AUTOINCREMENT,
	stored INTEGER NOT NULL, -- when the alert became past, by netmond's clock
	network TEXT NOT NULL,
	periodicity INTEGER NOT NULL,
	alert_key TEXT NOT NULL,
	local_network_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	alert_id INTEGER NOT NULL,
	alert_category INTEGER NOT NULL,
	subtype TEXT NOT NULL,
	score INTEGER NOT NULL,
	severity INTEGER NOT NULL,
	tstamp INTEGER NOT NULL,
	tstamp_end INTEGER NOT NULL,
	description TEXT NOT NULL,
	json TEXT NOT NULL,
	ip TEXT NOT NULL,
	host_name TEXT NOT NULL,
	port INTEGER NOT NULL,
	check_key TEXT NOT NULL,
	counter INTEGER NOT NULL,
	alert_status INTEGER NOT NULL DEFAULT 0, -- 0 historical, 1 acknowledged
	user_label TEXT NOT NULL DEFAULT '',
	user_label_tstamp INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX network_alerts_tstamp ON network_alerts (tstamp);
CREATE INDEX network_alerts_network ON network_alerts (network, tstamp);
CREATE INDEX network_alerts_alert_id ON network_alerts (alert_id, tstamp);
CREATE INDEX network_alerts_severity ON network_alerts (severity, tstamp);
CREATE INDEX network_alerts_score ON network_alerts (score, tstamp);
CREATE INDEX network_alerts_status ON network_alerts (alert_status, tstamp);

-- The words of description and JSON, split by netmond: the tokenizer only has to find the spaces.
CREATE VIRTUAL TABLE network_alert_words USING fts5 (
	words, content = '', contentless_delete = 1, detail = none,
	tokenize = "ascii tokenchars '.:-_/@'"
);

CREATE TABLE cached_values (
	network TEXT NOT NULL,
	namespace INTEGER NOT NULL,
	value_key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (network, namespace, value_key)
) STRICT, WITHOUT ROWID;
