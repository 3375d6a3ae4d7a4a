/** Gives back what it was given. */
export default (input: unknown) => input;
