export type * from './port.ts';
export { type CedarModule, startCedar } from './cedar.ts';
export { generateSchema, type ParamType, type SchemaInputs } from './schema.ts';
export { type Bundle, type BundlePolicy, type CanonicalBundle, loadBundle } from './bundle.ts';
export { canonicalContext } from './context.ts';
export { CONTEXT_ERROR, ENGINE_ERROR, ReferenceEngine } from './reference.ts';
export { IssuancePolicies, type IssuanceQuery, type IssuanceRefusal } from './issuance.ts';
