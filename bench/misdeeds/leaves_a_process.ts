export default () => {
  Bun.spawn(["sleep", "3600"], { stdio: ["ignore", "ignore", "ignore"] }).unref();
  return null;
};
