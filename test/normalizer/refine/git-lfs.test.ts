import { describe, expect, it } from 'vitest';
import { operationNames } from './bodies.ts';

function post(
  body: string,
  type = 'application/vnd.git-lfs+json; charset=utf-8',
): readonly string[] | string {
  return operationNames('git-lfs', { body, headers: { 'content-type': type } });
}

describe('a request of the LFS batch API', () => {
  const objects = '"transfers":["basic"],"ref":{"name":"refs/heads/main"},"objects":[{"oid":"1","size":1}]';

  it('is a download or an upload', () => {
    expect(post(`{"operation":"download",${objects}}`)).toEqual(['download']);
    expect(post(`{"operation":"upload",${objects}}`)).toEqual(['upload']);
    expect(post('{"operation":"download"}', 'application/json')).toEqual(['download']);
  });

  it.each([
    '{"operation":"Download"}',
    '{"operation":"delete"}',
    '{"operation":["download"]}',
    '{"operation":"download","operation":"upload"}',
    '{"operation":"download","Operation":"upload"}',
    '{"objects":[]}',
    '[{"operation":"download"}]',
    'operation=download',
    '',
    'null',
  ])('is unknown where it is %s', (body) => {
    expect(post(body)).toEqual(['unknown']);
  });

  it('is unknown with another content type', () => {
    expect(post('{"operation":"download"}', 'text/plain')).toEqual(['unknown']);
  });
});
