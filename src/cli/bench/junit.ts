import { QUANTILES, STAGES, writtenUs } from './figures.ts';
import type { Check } from './judge.ts';
import { circumstances, type Report } from './report.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text as it may stand in an attribute or between tags; XML 1.0 has no way to write most control characters. */
function xmlText(text: string): string {
  let escaped = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const isXml = code >= 0x20 && (code < 0xd800 || code > 0xdfff) && code !== 0xfffe && code !== 0xffff;
    if (!isXml) escaped += '\ufffd';
    else escaped += ENTITIES[character] ?? character;
  }
  return escaped;
}

function testCase(suite: string, { name, ok, detail }: Pick<Check, 'detail' | 'name' | 'ok'>): string {
  const open = `    <testcase classname="firma bench ${suite}" name="${xmlText(name)}"`;
  const text = xmlText(detail);
  return ok
    ? `${open}>\n      <system-out>${text}</system-out>\n    </testcase>`
    : `${open}>\n      <failure message="${text}"/>\n    </testcase>`;
}

function testSuite(suite: string, checks: readonly Pick<Check, 'detail' | 'name' | 'ok'>[]): string {
  const failures = checks.filter(({ ok }) => !ok).length;
  return [
    `  <testsuite name="${suite}" tests="${checks.length}" failures="${failures}">`,
    ...checks.map((check) => testCase(suite, check)),
    '  </testsuite>',
  ].join('\n');
}

/** A JUnit report: a case for each stage, which only tells its figures, and one for everything that was asked for. */
export function junitReport(report: Report): string {
  const { checks, figures } = report.result;
  const stages = STAGES.map((stage) => ({
    name: stage,
    ok: true,
    detail: QUANTILES.map((quantile) => `${quantile} ${writtenUs(figures[stage][quantile])}`).join(', '),
  }));
  const suites = (['engines', 'budget', 'regression'] as const).flatMap((kind) => {
    const own = checks.filter((check) => check.kind === kind);
    return own.length === 0 ? [] : [testSuite(kind, own)];
  });
  const failures = checks.filter(({ ok }) => !ok).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="firma bench" tests="${checks.length + stages.length}" failures="${failures}">`,
    `  <properties>`,
    ...circumstances(report).map((line) => `    <property name="run" value="${xmlText(line)}"/>`),
    `  </properties>`,
    testSuite('stage', stages),
    ...suites,
    '</testsuites>\n',
  ].join('\n');
}
