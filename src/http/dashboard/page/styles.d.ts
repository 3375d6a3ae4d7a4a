/** A style sheet that a script imports for the bundler to take along. */
declare module "*.css";
