import { expect, it } from 'vitest';
import { describeShared } from '../shared-data.ts';
import { classOf, differences, sharedRows } from './tables.ts';

const ROWS = 'api-surface/openfirma-rows.tsv';
const FILLINGS = ['octocat', 'ch_1A2b3C', '42', 'v1.2-rc_3~x', 'a%20b'];
const ANY_METHOD = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

describeShared("OpenFirma's rows", ROWS, () => {
  const rows = sharedRows(ROWS).map(([, method = '', host = '', path = '', theirs = '']) => ({
    method,
    host,
    path,
    theirs,
    key: `${method} ${host}${path}`,
  }));
  const ours = new Map(differences("OpenFirma's rows").map(([key = '', , here = '']) => [key, here]));

  it('are all there, and at most twelve differ, each with its reason', () => {
    expect(rows).toHaveLength(187);
    const listed = differences("OpenFirma's rows");
    expect(listed.length).toBeLessThanOrEqual(12);
    for (const [key, theirs, here, why = ''] of listed) {
      expect(rows.filter((row) => row.key === key && row.theirs === theirs)).toHaveLength(1);
      expect(here).not.toBe(theirs);
      expect(why.length).toBeGreaterThan(20);
    }
  });

  it.each(rows)('$method $host$path is $theirs', ({ method, host, path, theirs, key }) => {
    const expected = ours.get(key) ?? theirs;
    const methods = method === 'ANY' ? ANY_METHOD : [method];
    const wrong = methods.flatMap((each) =>
      urlsOf(host, path).flatMap((url) => {
        const found = classOf(each, url);
        return found === expected ? [] : [`${each} ${url}: ${found}, not ${expected}`];
      }),
    );
    expect(wrong).toEqual([]);
  });
});

/** The pattern with its wildcards filled in: a segment by names, ids and a dotted name, a file at two depths. */
function urlsOf(host: string, path: string): readonly string[] {
  const hosts = host.startsWith('*.') ? [`api${host.slice(1)}`, `a.b${host.slice(1)}`] : [host];
  const paths =
    path === '*' ? ['/', '/v1/messages', '/a/b/c'] : FILLINGS.map((filling) => fill(path, filling));
  if (path.endsWith('/contents/*')) paths.push(...paths.map((filled) => `${filled}/pulls/1/merge`));
  return hosts.flatMap((name) => paths.map((filled) => `https://${name}${filled}`));
}

/** A `*` that is or begins a segment is filled; one that ends a segment stands for nothing. */
function fill(path: string, filling: string): string {
  return path
    .split('/')
    .map((segment) => segment.replace('*', segment.startsWith('*') ? filling : ''))
    .join('/');
}
