BEGIN TRANSACTION;
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
INSERT INTO "doubts" VALUES(1,2,100,0,100,100,'ok',0.6,'score under 0.70',NULL,NULL,NULL,NULL);
CREATE TABLE evidence (
        record INTEGER PRIMARY KEY,
        tier TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        captured_at REAL NOT NULL
    );
CREATE TABLE gaps (
        source TEXT NOT NULL,
        reason TEXT NOT NULL,
        began_at REAL NOT NULL,
        ended_at REAL NOT NULL,
        frames INTEGER NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (source, reason, began_at)
    ) WITHOUT ROWID;
INSERT INTO "gaps" VALUES('cam','overload',1003.0,1004.0,2,'');
INSERT INTO "gaps" VALUES('cam','source_down',1009.0,1010.0,0,'lost: no route to host');
INSERT INTO "gaps" VALUES('cam','stale',1009.5,1009.6,1,'');
CREATE TABLE in_force (id INTEGER PRIMARY KEY AUTOINCREMENT, since REAL NOT NULL, terms TEXT NOT NULL);
INSERT INTO "in_force" VALUES(1,1001.0,'["InForce",0.0,"model-1",{"ok":["LabelNumbers","ok","none",0.5,null],"scratches":["LabelNumbers","defect","major",0.6,0.85]},["DecideBy",{"scratches":0.6},1.5,{"scratches":"minor"},[["Recipe","strict",["DX56D"],{"scratches":0.4},null,{"scratches":"critical"}],["Recipe","mild",["S235JR"],{},0.5,{}]]],{"cam":{"place.mm_per_px":"0.3"}}]');
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE minutes (
        began_at INTEGER NOT NULL,
        source TEXT NOT NULL,
        outcome TEXT NOT NULL,
        frames INTEGER NOT NULL,
        PRIMARY KEY (began_at, source, outcome)
    ) WITHOUT ROWID;
INSERT INTO "minutes" VALUES(960,'cam','defect',1);
INSERT INTO "minutes" VALUES(960,'cam','error',1);
INSERT INTO "minutes" VALUES(960,'cam','ok',1);
INSERT INTO "minutes" VALUES(960,'cam','unsure',5);
CREATE TABLE optics (source TEXT PRIMARY KEY, learn_since REAL NOT NULL, usual BLOB) WITHOUT ROWID;
INSERT INTO "optics" VALUES('cam',990.0,X'98A5557375616CCD0E10101894CB405E200000000000CB3FBC28F5C28F5C29CB3FD999999999999ACB3F50624DD2F1A9FC94CB3FB999999999999ACB3FC999999999999ACB3FD3333333333333CB0000000000000000C406010203040506C403070809');
CREATE TABLE optics_minutes (
        source TEXT NOT NULL,
        began_at INTEGER NOT NULL,
        brightness REAL NOT NULL,
        contrast REAL NOT NULL,
        sharpness REAL NOT NULL,
        saturation REAL NOT NULL,
        PRIMARY KEY (source, began_at)
    ) WITHOUT ROWID;
INSERT INTO "optics_minutes" VALUES('cam',960,120.5,0.11,0.4,0.001);
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
INSERT INTO "optics_troubles" VALUES('cam','dust',1005.0,NULL,-0.08,0.0,'a spot at x 8 to 16 px');
CREATE TABLE pieces (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        began_at REAL NOT NULL,
        ended_at REAL,
        by_frames INTEGER NOT NULL
    , grade TEXT NOT NULL DEFAULT '', recipe TEXT);
CREATE TABLE pins (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT, since REAL, until REAL, name TEXT);
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
        latency_s REAL NOT NULL, piece INTEGER, at_mm REAL, length_mm REAL, area TEXT, recipe TEXT DEFAULT '', in_doubt REAL,
        UNIQUE (source, frame)
    );
INSERT INTO "records" VALUES(1,'cam','frame-1','1f','1.bmp',1,1001.0,1010.0,'ok','ok','none',0.9,'',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(2,'cam','frame-2','1f','2.bmp',2,1002.0,1010.0,'defect','scratches','major',0.9,'',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,'',0.25);
INSERT INTO "records" VALUES(3,'cam','frame-3','1f','3.bmp',3,1003.0,1010.0,'unsure','ok','none',0.9,'score under 0.70',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(4,'cam','frame-4','1f','4.bmp',4,1004.0,1010.0,'error','','none',0.9,'took down 3 workers',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(5,'cam','frame-5','1f','5.bmp',5,1005.0,1010.0,'unsure','scratches','none',0.9,'recipe not known: it came before its coil is known, its file tells no time that can be right',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(6,'cam','frame-6','1f','6.bmp',6,1006.0,1010.0,'unsure','ok','none',0.9,'blank: contrast 0.0 gray levels',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(7,'cam','frame-7','1f','7.bmp',7,1007.0,1010.0,'unsure','ok','none',0.9,'unlike what the model knows: novelty 4.2 over 3.1',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(8,'cam','frame-8','1f','8.bmp',8,1008.0,1010.0,'unsure','','none',0.9,'no strip in the picture',200,200,'[]','model-1',1,0.1,NULL,NULL,NULL,NULL,'',NULL);
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
    , x_mm REAL, y_mm REAL, width_mm REAL, length_mm REAL);
INSERT INTO "regions" VALUES(1,2,10,20,30,40,'scratches',0.9,'major',NULL,NULL,NULL,NULL);
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
CREATE TABLE sources (
        source TEXT PRIMARY KEY,
        ok INTEGER NOT NULL DEFAULT 0,
        defect INTEGER NOT NULL DEFAULT 0,
        unsure INTEGER NOT NULL DEFAULT 0,
        error INTEGER NOT NULL DEFAULT 0,
        tally TEXT NOT NULL DEFAULT ''
    );
INSERT INTO "sources" VALUES('cam',1,1,5,1,'["Tally","cam","1f",12,{"ok":1,"defect":1,"unsure":5,"error":1},{"overload":2,"stale":1},1,1010.0,"lost: no route to host",7,1010.0,1008.5,{"stale":["Span",1009.5,1009.6]},2,["Sight",1010.0,990.0,3600,3600,[120.5,0.11,0.4,0.001],[["Trouble","dust",1005.0,-0.08,0.0,"a spot at x 8 to 16 px"]],null],[["refused",2,"a.bmp: Permission denied"]]]');
INSERT INTO "sources" VALUES('drop',0,0,0,0,'["Tally","drop","2a",0,{"ok":0,"defect":0,"unsure":0,"error":0},{},0,0.0,"",0,0.0,0.0,{},0,null,[]]');
CREATE INDEX records_by_outcome ON records (outcome, captured_at);
CREATE INDEX gaps_by_time ON gaps (ended_at);
CREATE INDEX evidence_by_tier ON evidence (tier, record, bytes, captured_at);
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
CREATE INDEX regions_by_record ON regions (record);
CREATE TRIGGER regions_go AFTER DELETE ON records BEGIN
        DELETE FROM regions WHERE record = OLD.id;
    END;
CREATE INDEX pieces_by_time ON pieces (by_frames, began_at);
CREATE INDEX records_by_piece ON records (piece, captured_at) WHERE piece IS NOT NULL;
CREATE INDEX alarms_by_time ON alarms (raised_at);
CREATE INDEX alarms_by_piece ON alarms (piece);
CREATE INDEX alarms_open ON alarms (id) WHERE cleared_at IS NULL;
CREATE INDEX roll_marks_by_time ON roll_marks (found_at);
CREATE INDEX roll_marks_by_piece ON roll_marks (piece);
CREATE INDEX roll_marks_open ON roll_marks (id) WHERE ended_at IS NULL;
CREATE INDEX doubts_by_record ON doubts (record);
CREATE TRIGGER doubts_go AFTER DELETE ON records BEGIN
        DELETE FROM doubts WHERE record = OLD.id;
    END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('records',8);
INSERT INTO "sqlite_sequence" VALUES('in_force',1);
COMMIT;
PRAGMA user_version = 13;
