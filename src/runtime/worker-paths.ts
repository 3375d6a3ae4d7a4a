/**
 * `text` with the paths of handler code relative to the tasks folder.
 * @param trees the path of the copies that workers load, but for their number
 */
export function withoutTree(text: string, trees: string): string {
  const [before = "", ...rest] = text.split(trees);
  return before + rest.map((part) => (inTree.test(part) ? part.replace(inTree, "") : trees + part)).join("");
}

const inTree = /^\d+\//;
