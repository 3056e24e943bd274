-- Tables as the field's earlier system has them.
CREATE TABLE ticks (
    id INTEGER PRIMARY KEY,
    timestamp TIMESTAMP NOT NULL,
    crypto TEXT NOT NULL,
    window_epoch BIGINT NOT NULL,
    time_remaining_sec REAL,
    up_bid REAL, up_ask REAL, up_bid_size REAL, up_ask_size REAL, up_mid REAL, up_last_trade REAL,
    down_bid REAL, down_ask REAL, down_bid_size REAL, down_ask_size REAL, down_last_trade REAL,
    spread REAL, spread_pct REAL, implied_prob_up REAL,
    spot_price REAL, price_to_beat REAL, spot_delta REAL, spot_delta_pct REAL,
    up_book_depth TEXT, down_book_depth TEXT,
    chainlink_price REAL, chainlink_staleness REAL, chainlink_updated_at BIGINT,
    price_divergence REAL, price_divergence_pct REAL
);
CREATE INDEX idx_ticks_crypto ON ticks (crypto, timestamp);
CREATE TABLE paper_trades (
    id INTEGER PRIMARY KEY,
    strategy_name TEXT NOT NULL, crypto TEXT NOT NULL, side TEXT NOT NULL,
    entry_time TIMESTAMP, exit_time TIMESTAMP, window_epoch BIGINT, holding_time_ms BIGINT,
    entry_price REAL, exit_price REAL, entry_spot_price REAL, exit_spot_price REAL, price_to_beat REAL,
    entry_market_prob REAL, exit_market_prob REAL, time_remaining_at_entry REAL,
    pnl REAL, outcome TEXT, reason TEXT, signal_strength REAL
);
CREATE TABLE windows (
    id INTEGER PRIMARY KEY, epoch BIGINT NOT NULL, crypto TEXT NOT NULL, start_price REAL, end_price REAL,
    outcome TEXT, resolved_at TIMESTAMP, tick_count INTEGER, UNIQUE (epoch, crypto)
);
CREATE TABLE system_state (key TEXT PRIMARY KEY, value TEXT, updated_at TIMESTAMP);
CREATE TABLE trades (id INTEGER PRIMARY KEY, note TEXT);

INSERT INTO ticks (id, timestamp, crypto, window_epoch, up_bid, up_ask, up_bid_size, up_ask_size, down_bid, down_ask,
    spot_price, price_to_beat, up_book_depth, chainlink_price, chainlink_staleness, chainlink_updated_at)
VALUES
    (1, '2026-01-25 00:00:04.250', 'btc', 1769299200, 0.5, 0.75, 120, 80, 0.25, 0.5, 100.5, 100,
        '[{"price": "0.25", "size": "5"}, {"price": "0.5", "size": "120"}]', 100.25, 1.5, 1769299202),
    (2, '2026-01-25 00:00:05.251', 'BTC', 1769299200, 0, 1, 0, 0, 0.25, 0.5, 100.5, 100, NULL, NULL, NULL, NULL),
    (3, '2026-01-25 00:00:05.751', 'btc', 1769299200, 0.5, 0.75, 1, 1, 0.25, 0.5, 100.5, 100, NULL, NULL, NULL, NULL),
    (4, '2026-01-25 00:00:05.751', 'doge', 1769299200, 0.5, 0.75, 1, 1, 0.25, 0.5, 100.5, 100, NULL, NULL, NULL, NULL);
INSERT INTO paper_trades (id, strategy_name, crypto, side, entry_time, exit_time, window_epoch, holding_time_ms,
    entry_price, exit_price, entry_spot_price, exit_spot_price, price_to_beat, time_remaining_at_entry, pnl, outcome,
    reason, signal_strength)
VALUES
    (7, 'Contrarian', 'btc', 'up', '2026-01-25 00:01:00', '2026-01-25 00:15:00', 1769299200, 840000,
        0.25, 1, 100.5, 101.5, 100, 840, 52.5, 'up', 'window_expiry', 0.5),
    (8, 'Contrarian', 'eth', 'down', '2026-01-25 00:01:00', '2026-01-25 00:02:00', 1769299200, 60000,
        0.5, 0.25, 10, 11, NULL, 840, -25, NULL, 'stop_loss', NULL);
INSERT INTO windows (id, epoch, crypto, start_price, end_price, outcome, resolved_at, tick_count)
VALUES (1, 1769299200, 'btc', 100, 101, 'up', '2026-01-25 00:15:10', 900),
    (2, 1769300100, 'btc', 101, 101, NULL, NULL, NULL);
INSERT INTO system_state VALUES ('collector_health', '{"ticks": 4}', '2026-01-25 00:15:00');
INSERT INTO trades VALUES (1, 'not ours');
