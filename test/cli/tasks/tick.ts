export default () => "tock";
