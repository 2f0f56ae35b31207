"""Owns the layout of the record: its tables, and how an older file becomes one of this version."""

FILE = "records.sqlite"

#: Scripts of the layout, one a version, in order; the version of a file is the number of scripts applied to it. A
#: released script is never changed: a new one is appended.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE records (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        frame TEXT NOT NULL,
        epoch TEXT NOT NULL,
        name TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        captured_at REAL NOT NULL,
        recorded_at REAL NOT NULL,
        outcome TEXT NOT NULL,
        label TEXT NOT NULL,
        severity TEXT NOT NULL,
        score REAL NOT NULL,
        reason TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        regions TEXT NOT NULL,
        model TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        latency_s REAL NOT NULL,
        UNIQUE (source, frame)
    );
    CREATE INDEX records_by_time ON records (captured_at);
    CREATE TABLE sources (
        source TEXT PRIMARY KEY,
        ok INTEGER NOT NULL DEFAULT 0,
        defect INTEGER NOT NULL DEFAULT 0,
        unsure INTEGER NOT NULL DEFAULT 0,
        error INTEGER NOT NULL DEFAULT 0,
        tally TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
    """,
    # The defects of an hour among millions of frames that are ok.
    """
    DROP INDEX records_by_time;
    CREATE INDEX records_by_outcome ON records (outcome, captured_at);
    """,
    # Not inspected. Frames dropped before there was a list are one gap of unknown beginning, so that the sums agree.
    """
    CREATE TABLE gaps (
        source TEXT NOT NULL,
        reason TEXT NOT NULL,
        began_at REAL NOT NULL,
        ended_at REAL NOT NULL,
        frames INTEGER NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (source, reason, began_at)
    ) WITHOUT ROWID;
    CREATE INDEX gaps_by_time ON gaps (ended_at);
    INSERT INTO gaps
        SELECT source, dropped.key, 0, json_extract(tally, '$[7]'), dropped.value, 'before gaps were listed'
        FROM sources, json_each(sources.tally, '$[5]') AS dropped WHERE tally != '';
    """,
    # Pictures of frames, and what of them must stay. A tier is an outcome, or "pinned".
    """
    CREATE TABLE evidence (
        record INTEGER PRIMARY KEY,
        tier TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        captured_at REAL NOT NULL
    );
    CREATE INDEX evidence_by_tier ON evidence (tier, record, bytes, captured_at);
    CREATE TABLE pins (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT, since REAL, until REAL, name TEXT);
    """,
    # How many records there are of each minute: a busy day is summed up without reading its millions of rows. The
    # record keeps this itself, so it holds whoever writes or deletes a row.
    """
    CREATE TABLE minutes (
        began_at INTEGER NOT NULL,
        source TEXT NOT NULL,
        outcome TEXT NOT NULL,
        frames INTEGER NOT NULL,
        PRIMARY KEY (began_at, source, outcome)
    ) WITHOUT ROWID;
    INSERT INTO minutes
        SELECT CAST(captured_at AS INTEGER) / 60 * 60, source, outcome, COUNT(*) FROM records GROUP BY 1, 2, 3;
    CREATE TRIGGER minutes_grow AFTER INSERT ON records BEGIN
        INSERT INTO minutes VALUES (CAST(NEW.captured_at AS INTEGER) / 60 * 60, NEW.source, NEW.outcome, 1)
            ON CONFLICT DO UPDATE SET frames = frames + 1;
    END;
    CREATE TRIGGER minutes_shrink AFTER DELETE ON records BEGIN
        UPDATE minutes SET frames = frames - 1 WHERE source = OLD.source AND outcome = OLD.outcome
            AND began_at = CAST(OLD.captured_at AS INTEGER) / 60 * 60;
        DELETE FROM minutes WHERE source = OLD.source AND outcome = OLD.outcome AND frames = 0
            AND began_at = CAST(OLD.captured_at AS INTEGER) / 60 * 60;
    END;
    """,
    # The regions of defect frames, which were JSON in their row. `records.regions` is of no use any more: to drop it
    # would write every row anew.
    """
    CREATE TABLE regions (
        id INTEGER PRIMARY KEY,
        record INTEGER NOT NULL,
        x INTEGER NOT NULL,
        y INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        severity TEXT NOT NULL
    );
    CREATE INDEX regions_by_record ON regions (record);
    CREATE TRIGGER regions_go AFTER DELETE ON records BEGIN
        DELETE FROM regions WHERE record = OLD.id;
    END;
    INSERT INTO regions (record, x, y, width, height, label, score, severity)
        SELECT records.id, json_extract(value, '$.x'), json_extract(value, '$.y'), json_extract(value, '$.width'),
            json_extract(value, '$.height'), json_extract(value, '$.label'), json_extract(value, '$.score'), severity
        FROM records INDEXED BY records_by_outcome, json_each(records.regions) WHERE outcome = 'defect';
    """,
    # Pieces of strip, and where on its piece a frame and a region lie; NULL: not known. A piece is on the line by
    # `inspector piece`, then no two are at once, or it is named by its frames. It has not ended where ended_at is NULL.
    """
    CREATE TABLE pieces (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        began_at REAL NOT NULL,
        ended_at REAL,
        by_frames INTEGER NOT NULL
    );
    CREATE INDEX pieces_by_time ON pieces (by_frames, began_at);
    ALTER TABLE records ADD COLUMN piece INTEGER;
    ALTER TABLE records ADD COLUMN at_mm REAL;
    ALTER TABLE records ADD COLUMN length_mm REAL;
    CREATE INDEX records_by_piece ON records (piece, captured_at) WHERE piece IS NOT NULL;
    ALTER TABLE regions ADD COLUMN x_mm REAL;
    ALTER TABLE regions ADD COLUMN y_mm REAL;
    ALTER TABLE regions ADD COLUMN width_mm REAL;
    ALTER TABLE regions ADD COLUMN length_mm REAL;
    """,
    # What of the frame was inspected: [x, y, width, height] in pixels; NULL: all of it.
    """
    ALTER TABLE records ADD COLUMN area TEXT;
    """,
    # By which recipe a frame was decided, '' by `decision`; NULL: it is not known by which to decide it. The grade and
    # recipe of a piece; recipe is NULL for one named by frames of which none was decided yet.
    """
    ALTER TABLE records ADD COLUMN recipe TEXT DEFAULT '';
    ALTER TABLE pieces ADD COLUMN grade TEXT NOT NULL DEFAULT '';
    ALTER TABLE pieces ADD COLUMN recipe TEXT;
    """,
    # What the rules found: alarms, and marks of rolls. An alarm was raised when it stood `at`, in what its rule counts:
    # mm, frames, or seconds since 1970; it goes on where cleared_at is NULL, a mark where ended_at is. NULL in mm: not
    # known, or no such place.
    """
    CREATE TABLE alarms (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        piece INTEGER,
        rule TEXT NOT NULL,
        raised_at REAL NOT NULL,
        cleared_at REAL,
        from_mm REAL,
        to_mm REAL,
        count INTEGER NOT NULL,
        detail TEXT NOT NULL,
        at REAL NOT NULL
    );
    CREATE INDEX alarms_by_time ON alarms (raised_at);
    CREATE INDEX alarms_by_piece ON alarms (piece);
    CREATE INDEX alarms_open ON alarms (id) WHERE cleared_at IS NULL;
    CREATE TABLE roll_marks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        piece INTEGER,
        label TEXT NOT NULL,
        found_at REAL NOT NULL,
        ended_at REAL,
        distance_mm REAL NOT NULL,
        rolls TEXT NOT NULL,
        confidence REAL NOT NULL,
        repeats INTEGER NOT NULL,
        x_mm REAL NOT NULL,
        width_mm REAL NOT NULL,
        first_mm REAL NOT NULL,
        last_mm REAL NOT NULL
    );
    CREATE INDEX roll_marks_by_time ON roll_marks (found_at);
    CREATE INDEX roll_marks_by_piece ON roll_marks (piece);
    CREATE INDEX roll_marks_open ON roll_marks (id) WHERE ended_at IS NULL;
    """,
    # The optics of each source. `usual`: its baseline, learned from pictures since `learn_since`; NULL: none yet. A
    # trouble is active where ended_at is NULL.
    """
    CREATE TABLE optics (source TEXT PRIMARY KEY, learn_since REAL NOT NULL, usual BLOB) WITHOUT ROWID;
    CREATE TABLE optics_minutes (
        source TEXT NOT NULL,
        began_at INTEGER NOT NULL,
        brightness REAL NOT NULL,
        contrast REAL NOT NULL,
        sharpness REAL NOT NULL,
        saturation REAL NOT NULL,
        PRIMARY KEY (source, began_at)
    ) WITHOUT ROWID;
    CREATE TABLE optics_troubles (
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        began_at REAL NOT NULL,
        ended_at REAL,
        figure REAL NOT NULL,
        usual REAL NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (source, kind, began_at)
    ) WITHOUT ROWID;
    """,
    # By which numbers frames were decided since then: a message, as JSON. The last holds.
    """
    CREATE TABLE in_force (id INTEGER PRIMARY KEY AUTOINCREMENT, since REAL NOT NULL, terms TEXT NOT NULL);
    """,
    # What of a frame is unsure, whatever the rest of it is; and how much, from 0 to 1. NULL: all of it or nothing,
    # as its outcome says.
    """
    CREATE TABLE doubts (
        id INTEGER PRIMARY KEY,
        record INTEGER NOT NULL,
        x INTEGER NOT NULL,
        y INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        reason TEXT NOT NULL,
        x_mm REAL,
        y_mm REAL,
        width_mm REAL,
        length_mm REAL
    );
    CREATE INDEX doubts_by_record ON doubts (record);
    CREATE TRIGGER doubts_go AFTER DELETE ON records BEGIN
        DELETE FROM doubts WHERE record = OLD.id;
    END;
    ALTER TABLE records ADD COLUMN in_doubt REAL;
    """,
    # Tallies, figures and terms have named keys, where they were arrays. The functions: see shapes.arrays.
    """
    UPDATE sources SET tally = named_tally(tally);
    UPDATE optics SET usual = named_usual(usual) WHERE usual IS NOT NULL;
    UPDATE in_force SET terms = named_terms(terms);
    """,
    # Frames that their source chose at random, whatever became of them. No column of their rows: to index it would read
    # every row.
    """
    CREATE TABLE samples (record INTEGER PRIMARY KEY, source TEXT NOT NULL, captured_at REAL NOT NULL);
    CREATE INDEX samples_by_source ON samples (source, captured_at);
    CREATE TRIGGER samples_go AFTER DELETE ON records BEGIN
        DELETE FROM samples WHERE record = OLD.id;
    END;
    """,
)

#: Layouts from this one on can be read as they are: what came after it changed no table, and added those of OLDER_LACK.
OLDEST_READABLE = 13
#: Makes, empty and for one connection alone, the tables that readable older layouts lack.
OLDER_LACK = """
    CREATE TEMP TABLE IF NOT EXISTS samples (record INTEGER PRIMARY KEY, source TEXT, captured_at REAL);
    CREATE INDEX IF NOT EXISTS temp.samples_by_source ON samples (source, captured_at);
"""
