export default () => Bun.sleepSync(3_600_000);
