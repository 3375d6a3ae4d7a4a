export default () => {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => undefined);
};
