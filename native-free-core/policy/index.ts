export { type Bundle, loadBundle } from './bundle.ts';
export { type CedarModule, startCedar } from './cedar.ts';
export { IssuancePolicies, type IssuanceQuery, type IssuanceRefusal } from './issuance.ts';
export type { PolicyEngine, PolicyQuery, PolicySource, PolicyVerdict } from './port.ts';
export { ReferenceEngine } from './reference.ts';
