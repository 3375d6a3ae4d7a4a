export default () => {
  for (let n = 0; n < 20_000; n++) console.log(`line ${n}`);
};
