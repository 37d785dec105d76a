import type { FixtureSuite } from './fixture-files.ts';
import type { CaseResult } from './run-case.ts';
import { placeOfCase, writtenAnswer } from './run-case.ts';
import { writtenPolicies } from './written-policies.ts';

/** What became of the cases of a suite. */
export interface TestedSuite {
  readonly suite: FixtureSuite;
  readonly results: readonly CaseResult[];
}

const MAX_TEXT_CHARS = 4096;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML 1.0 has no way to write the other characters, not even escaped. */
function isXml(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return character === '\t' || character === '\n' || character === '\r';
  return code <= 0xd7ff || (code >= 0xe000 && code !== 0xfffe && code !== 0xffff);
}

/** Text as it may stand in an attribute or between tags; what is longer is cut. */
function xmlText(text: string): string {
  let escaped = '';
  for (const character of text.slice(0, MAX_TEXT_CHARS)) {
    if (!isXml(character)) escaped += '\ufffd';
    // A reader makes spaces of line breaks in an attribute.
    else if (character < ' ') escaped += `&#${character.charCodeAt(0)};`;
    else escaped += ENTITIES[character] ?? character;
  }
  return escaped;
}

function testCase({ tested, ok, answer, detail }: CaseResult): string {
  const open = `    <testcase classname="${xmlText(tested.file)}" name="${xmlText(tested.name)}"`;
  if (ok) return `${open}/>`;
  const message = `expected ${writtenAnswer(tested.expected)}, came ${writtenAnswer(answer)}`;
  const where = `${placeOfCase(tested)}${detail === undefined ? '' : `: ${detail}`}`;
  return `${open}>\n      <failure message="${xmlText(message)}">${xmlText(where)}</failure>\n    </testcase>`;
}

function testSuite(file: string, policies: string, results: readonly CaseResult[]): string {
  const failures = results.filter(({ ok }) => !ok).length;
  return [
    `  <testsuite name="${xmlText(file)}" tests="${results.length}" failures="${failures}">`,
    '    <properties>',
    `      <property name="policies" value="${xmlText(policies)}"/>`,
    '    </properties>',
    ...results.map(testCase),
    '  </testsuite>',
  ].join('\n');
}

/** The JUnit report of tested cases: a suite a file. */
export function junitReport(tested: readonly TestedSuite[]): string {
  const all = tested.flatMap(({ results }) => results);
  const suites = tested.flatMap(({ suite, results }) => {
    const files = new Map<string, CaseResult[]>();
    for (const result of results) {
      const { file } = result.tested;
      const known = files.get(file);
      if (known === undefined) files.set(file, [result]);
      else known.push(result);
    }
    return [...files].map(([file, own]) => testSuite(file, writtenPolicies(suite), own));
  });
  const failures = all.filter(({ ok }) => !ok).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="firma policy test" tests="${all.length}" failures="${failures}">`,
    ...suites,
    '</testsuites>\n',
  ].join('\n');
}
