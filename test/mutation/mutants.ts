// The mutants of a source file: small changes that a test should notice, each at one place. TypeScript's own parser
// reads AssemblyScript too. Left alone are types, texts, calls of a logger and tables of bytes: a change there is
// either no change of behaviour or noticed by everything.

import ts from "typescript";

export interface Mutant {
  /** Of the file that is changed, from the root of the tree. */
  path: string;
  line: number;
  /** What is done to it, in words. */
  kind: string;
  start: number;
  end: number;
  original: string;
  replacement: string;
}

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ["<", "<="],
  ["<=", "<"],
  [">", ">="],
  [">=", ">"],
  ["===", "!=="],
  ["!==", "==="],
  ["==", "!="],
  ["!=", "=="],
  ["+", "-"],
  ["-", "+"],
  ["*", "/"],
  ["/", "*"],
  ["%", "*"],
  ["&", "|"],
  ["|", "&"],
  ["<<", ">>"],
  [">>", "<<"],
  [">>>", "<<"],
  ["&&", "||"],
  ["||", "&&"],
  ["+=", "-="],
  ["-=", "+="],
  ["++", "--"],
  ["--", "++"],
]);

/** More literals than that in one array are a table. */
const LARGEST_LIST = 16;
/** Above it a number is a measure, and one more of it changes nothing that matters: it is doubled. */
const LARGEST_COUNT = 64;
const QUIET_CALL = /(^|[.#])logger\./;

export function mutantsOf(path: string, text: string): Mutant[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const mutants: Mutant[] = [];
  const add = (node: { start: number; end: number }, kind: string, replacement: string): void => {
    const { start, end } = node;
    const line = file.getLineAndCharacterOfPosition(start).line + 1;
    mutants.push({ path, line, kind, start, end, original: text.slice(start, end), replacement });
  };
  const range = (node: ts.Node): { start: number; end: number } => ({ start: node.getStart(file), end: node.end });
  const negate = (condition: ts.Expression): void =>
    add(range(condition), "condition negated", `!(${condition.getText(file)})`);

  const visit = (node: ts.Node): void => {
    if (isLeftAlone(node, file)) return;
    if (ts.isBinaryExpression(node)) {
      const operator = node.operatorToken;
      const other = OPERATORS.get(operator.getText(file));
      if (other && !isText(node)) add(range(operator), "operator", other);
    } else if (ts.isPostfixUnaryExpression(node) || ts.isPrefixUnaryExpression(node)) {
      const operator = ts.tokenToString(node.operator) ?? "";
      const start = ts.isPrefixUnaryExpression(node) ? node.getStart(file) : node.operand.end;
      const other = operator === "!" ? "" : OPERATORS.get(operator);
      // The sign of a literal goes with its number.
      if (other !== undefined && !ts.isNumericLiteral(node.operand))
        add({ start, end: start + operator.length }, "operator", other);
    } else if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) negate(node.expression);
    else if (ts.isConditionalExpression(node)) negate(node.condition);
    else if (ts.isForStatement(node) && node.condition) negate(node.condition);
    else if (isRemovable(node)) add(range(node), "statement removed", ";");
    else if (ts.isNumericLiteral(node)) {
      for (const change of Number(node.text) > LARGEST_COUNT
        ? ["* 2"]
        : Number(node.text) > 1
          ? ["+ 1", "- 1"]
          : ["+ 1"])
        add(range(node), "constant", `(${node.getText(file)} ${change})`);
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) add(range(node), "constant", "false");
    else if (node.kind === ts.SyntaxKind.FalseKeyword) add(range(node), "constant", "true");
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return mutants;
}

function isLeftAlone(node: ts.Node, file: ts.SourceFile): boolean {
  return (
    ts.isTypeNode(node) ||
    ts.isImportDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isModuleDeclaration(node) ||
    (ts.isArrayLiteralExpression(node) && node.elements.length > LARGEST_LIST) ||
    (ts.isCallExpression(node) && QUIET_CALL.test(node.expression.getText(file)))
  );
}

/** A sum of texts. */
function isText(node: ts.Expression): boolean {
  if (ts.isBinaryExpression(node)) return isText(node.left) || isText(node.right);
  return ts.isStringLiteral(node) || ts.isTemplateExpression(node);
}

function isRemovable(node: ts.Node): boolean {
  if (ts.isExpressionStatement(node)) return !(ts.isCallExpression(node.expression) && isSuper(node.expression));
  return (
    ts.isBreakStatement(node) ||
    ts.isContinueStatement(node) ||
    ts.isThrowStatement(node) ||
    // The last return of a function is its value; without it most do not compile.
    ts.isReturnStatement(node)
  );
}

function isSuper(call: ts.CallExpression): boolean {
  return call.expression.kind === ts.SyntaxKind.SuperKeyword;
}

/** The file with the mutant in it. */
export function applied({ start, end, replacement }: Mutant, text: string): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** What names a mutant in the results and in the list of those that are known: stays when lines move. */
export function keyOf(mutant: Mutant, text: string): string {
  const from = text.lastIndexOf("\n", mutant.start - 1) + 1;
  const to = text.indexOf("\n", mutant.end);
  const end = to < 0 ? text.length : to;
  const line = applied({ ...mutant, start: mutant.start - from, end: mutant.end - from }, text.slice(from, end));
  return `${mutant.path}: ${text.slice(from, end).trim()} ⇒ ${line.trim()}`.replaceAll(/\s+/g, " ");
}
