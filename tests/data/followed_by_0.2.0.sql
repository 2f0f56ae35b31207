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
INSERT INTO "alarms" VALUES(1,'drop',NULL,'many',1004.0,NULL,NULL,NULL,2,'defects of any label within 10 frames, limit 2',4.0);
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
CREATE TABLE in_force (id INTEGER PRIMARY KEY AUTOINCREMENT, since REAL NOT NULL, terms TEXT NOT NULL);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO "marks" VALUES('rules_began',0);
INSERT INTO "marks" VALUES('defect_log',4);
INSERT INTO "marks" VALUES('defect_log_alarms',1);
INSERT INTO "marks" VALUES('rules',80);
CREATE TABLE minutes (
        began_at INTEGER NOT NULL,
        source TEXT NOT NULL,
        outcome TEXT NOT NULL,
        frames INTEGER NOT NULL,
        PRIMARY KEY (began_at, source, outcome)
    ) WITHOUT ROWID;
INSERT INTO "minutes" VALUES(960,'drop','defect',2);
INSERT INTO "minutes" VALUES(960,'drop','ok',17);
INSERT INTO "minutes" VALUES(1020,'drop','ok',60);
INSERT INTO "minutes" VALUES(1080,'drop','defect',3);
INSERT INTO "minutes" VALUES(1080,'drop','ok',8);
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
INSERT INTO "records" VALUES(1,'drop','frame-1','1f','1.bmp',1,1001.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(2,'drop','frame-2','1f','2.bmp',2,1002.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(3,'drop','frame-3','1f','3.bmp',3,1003.0,1.79612448578004741664e+09,'defect','scratches','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(4,'drop','frame-4','1f','4.bmp',4,1004.0,1.79612448578004741664e+09,'defect','scratches','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(5,'drop','frame-5','1f','5.bmp',5,1005.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(6,'drop','frame-6','1f','6.bmp',6,1006.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(7,'drop','frame-7','1f','7.bmp',7,1007.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(8,'drop','frame-8','1f','8.bmp',8,1008.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(9,'drop','frame-9','1f','9.bmp',9,1009.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(10,'drop','frame-10','1f','10.bmp',10,1010.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(11,'drop','frame-11','1f','11.bmp',11,1011.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(12,'drop','frame-12','1f','12.bmp',12,1012.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(13,'drop','frame-13','1f','13.bmp',13,1013.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(14,'drop','frame-14','1f','14.bmp',14,1014.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(15,'drop','frame-15','1f','15.bmp',15,1015.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(16,'drop','frame-16','1f','16.bmp',16,1016.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(17,'drop','frame-17','1f','17.bmp',17,1017.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(18,'drop','frame-18','1f','18.bmp',18,1018.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(19,'drop','frame-19','1f','19.bmp',19,1019.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(20,'drop','frame-20','1f','20.bmp',20,1020.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(21,'drop','frame-21','1f','21.bmp',21,1021.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(22,'drop','frame-22','1f','22.bmp',22,1022.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(23,'drop','frame-23','1f','23.bmp',23,1023.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(24,'drop','frame-24','1f','24.bmp',24,1024.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(25,'drop','frame-25','1f','25.bmp',25,1025.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(26,'drop','frame-26','1f','26.bmp',26,1026.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(27,'drop','frame-27','1f','27.bmp',27,1027.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(28,'drop','frame-28','1f','28.bmp',28,1028.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(29,'drop','frame-29','1f','29.bmp',29,1029.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(30,'drop','frame-30','1f','30.bmp',30,1030.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(31,'drop','frame-31','1f','31.bmp',31,1031.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(32,'drop','frame-32','1f','32.bmp',32,1032.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(33,'drop','frame-33','1f','33.bmp',33,1033.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(34,'drop','frame-34','1f','34.bmp',34,1034.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(35,'drop','frame-35','1f','35.bmp',35,1035.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(36,'drop','frame-36','1f','36.bmp',36,1036.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(37,'drop','frame-37','1f','37.bmp',37,1037.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(38,'drop','frame-38','1f','38.bmp',38,1038.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(39,'drop','frame-39','1f','39.bmp',39,1039.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(40,'drop','frame-40','1f','40.bmp',40,1040.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(41,'drop','frame-41','1f','41.bmp',41,1041.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(42,'drop','frame-42','1f','42.bmp',42,1042.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(43,'drop','frame-43','1f','43.bmp',43,1043.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(44,'drop','frame-44','1f','44.bmp',44,1044.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(45,'drop','frame-45','1f','45.bmp',45,1045.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(46,'drop','frame-46','1f','46.bmp',46,1046.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(47,'drop','frame-47','1f','47.bmp',47,1047.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(48,'drop','frame-48','1f','48.bmp',48,1048.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(49,'drop','frame-49','1f','49.bmp',49,1049.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(50,'drop','frame-50','1f','50.bmp',50,1050.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(51,'drop','frame-51','1f','51.bmp',51,1051.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(52,'drop','frame-52','1f','52.bmp',52,1052.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(53,'drop','frame-53','1f','53.bmp',53,1053.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(54,'drop','frame-54','1f','54.bmp',54,1054.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(55,'drop','frame-55','1f','55.bmp',55,1055.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(56,'drop','frame-56','1f','56.bmp',56,1056.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(57,'drop','frame-57','1f','57.bmp',57,1057.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(58,'drop','frame-58','1f','58.bmp',58,1058.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(59,'drop','frame-59','1f','59.bmp',59,1059.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(60,'drop','frame-60','1f','60.bmp',60,1060.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(61,'drop','frame-61','1f','61.bmp',61,1061.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(62,'drop','frame-62','1f','62.bmp',62,1062.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(63,'drop','frame-63','1f','63.bmp',63,1063.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(64,'drop','frame-64','1f','64.bmp',64,1064.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(65,'drop','frame-65','1f','65.bmp',65,1065.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(66,'drop','frame-66','1f','66.bmp',66,1066.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(67,'drop','frame-67','1f','67.bmp',67,1067.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(68,'drop','frame-68','1f','68.bmp',68,1068.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(69,'drop','frame-69','1f','69.bmp',69,1069.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(70,'drop','frame-70','1f','70.bmp',70,1070.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(71,'drop','frame-71','1f','71.bmp',71,1071.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(72,'drop','frame-72','1f','72.bmp',72,1072.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(73,'drop','frame-73','1f','73.bmp',73,1073.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(74,'drop','frame-74','1f','74.bmp',74,1074.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(75,'drop','frame-75','1f','75.bmp',75,1075.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(76,'drop','frame-76','1f','76.bmp',76,1076.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(77,'drop','frame-77','1f','77.bmp',77,1077.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(78,'drop','frame-78','1f','78.bmp',78,1078.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(79,'drop','frame-79','1f','79.bmp',79,1079.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(80,'drop','frame-80','1f','80.bmp',80,1080.0,1.79612448578004741664e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.556939053,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(81,'drop','frame-81','1f','81.bmp',81,1081.0,1.79612448582231116296e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(82,'drop','frame-82','1f','82.bmp',82,1082.0,1.79612448582231116296e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(83,'drop','frame-83','1f','83.bmp',83,1083.0,1.79612448582231116296e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(84,'drop','frame-84','1f','84.bmp',84,1084.0,1.79612448582231116296e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(85,'drop','frame-85','1f','85.bmp',85,1085.0,1.79612448582231116296e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(86,'drop','frame-86','1f','86.bmp',86,1086.0,1.79612448582231116296e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(87,'drop','frame-87','1f','87.bmp',87,1087.0,1.79612448582231116296e+09,'defect','scratches','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(88,'drop','frame-88','1f','88.bmp',88,1088.0,1.79612448582231116296e+09,'defect','scratches','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(89,'drop','frame-89','1f','89.bmp',89,1089.0,1.79612448582231116296e+09,'defect','scratches','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
INSERT INTO "records" VALUES(90,'drop','frame-90','1f','90.bmp',90,1090.0,1.79612448582231116296e+09,'ok','ok','none',0.9,'',200,200,'[]','m',1,1247.599202411,NULL,NULL,NULL,NULL,'',NULL);
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
INSERT INTO "regions" VALUES(1,3,10,20,50,50,'scratches',0.9,'none',NULL,NULL,NULL,NULL);
INSERT INTO "regions" VALUES(2,4,10,20,50,50,'scratches',0.9,'none',NULL,NULL,NULL,NULL);
INSERT INTO "regions" VALUES(3,87,10,20,50,50,'scratches',0.9,'none',NULL,NULL,NULL,NULL);
INSERT INTO "regions" VALUES(4,88,10,20,50,50,'scratches',0.9,'none',NULL,NULL,NULL,NULL);
INSERT INTO "regions" VALUES(5,89,10,20,50,50,'scratches',0.9,'none',NULL,NULL,NULL,NULL);
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
INSERT INTO "sources" VALUES('drop',85,5,0,0,'');
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
INSERT INTO "sqlite_sequence" VALUES('records',90);
INSERT INTO "sqlite_sequence" VALUES('alarms',1);
COMMIT;
PRAGMA user_version = 13;
