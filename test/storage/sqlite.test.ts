import { afterAll } from "bun:test";
import { openStore } from "../../src/storage/open.ts";
import { storeConformance } from "./conformance.ts";
import { databaseFile, removeFolders } from "./files.ts";

afterAll(removeFolders);

const now = () => 1_000;
storeConformance("SQLite in a file", () => openStore(`sqlite:${databaseFile()}`, { now }));
storeConformance("SQLite in memory", () => openStore("sqlite::memory:", { now }));
