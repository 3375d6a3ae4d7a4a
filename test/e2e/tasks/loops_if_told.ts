/** Over at once, unless it is told otherwise. */
export default ({ loop = false }) => {
  while (loop);
  return process.pid;
};
