/** Harms whoever runs next on the worker. */
export default () => {
  setImmediate(() => process.exit(1));
  return null;
};
