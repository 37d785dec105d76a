import { describe, expect, it } from 'vitest';
import { ownHosts } from '../../src/ingress/admission.ts';

describe('the hosts that are ours', () => {
  it('are the loopback names with our port, and the address we listen on', () => {
    expect([...ownHosts({ host: '127.0.0.2', port: 7070 })].sort()).toEqual([
      '127.0.0.1:7070',
      '127.0.0.2:7070',
      '[::1]:7070',
      'localhost:7070',
    ]);
    expect(ownHosts({ host: '::1', port: 7070 })).toContain('[::1]:7070');
  });

  it('need no port where it is the one of the scheme', () => {
    expect(ownHosts({ host: '127.0.0.1', port: 80 })).toContain('localhost');
    expect(ownHosts({ host: '127.0.0.1', port: 8080 })).not.toContain('localhost');
  });
});
