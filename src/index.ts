// The library: an enforcement point in your own process.
//
//   const firma = await openFirma({ config: 'firma.toml' });
//   const decision = await firma.decide({ token, method: 'GET', url: 'https://api.github.com/user' });
//   await firma.close();

export type { Call } from './call.ts';
export { decisionJson, type DecisionJson } from './call.ts';
export { Firma } from './firma.ts';
export type { FirmaSession, Guarded, SessionRefused } from './in-process.ts';
export { openFirma, type OpenOptions } from './open-firma.ts';
export type { Decision } from '@firma/core';
