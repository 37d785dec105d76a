import { PATHS } from './paths.ts';
import { SCHEMAS } from './schemas.ts';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) frozen(child);
  }
  return value;
}

/** The OpenAPI 3.1 document of the decision API. */
export const OPENAPI = frozen({
  openapi: '3.1.0',
  info: {
    title: 'Firma decision API',
    version: '1',
    description: 'Decides the calls of agents. Entrances that do not dispatch need a canonical target.',
  },
  paths: PATHS,
  components: {
    schemas: SCHEMAS,
    securitySchemes: {
      enforcementPoint: {
        type: 'http',
        scheme: 'bearer',
        description: 'The key of enforcement points, never a capability token.',
      },
    },
  },
});

/** Its text, as `/openapi.json` answers it. */
export const OPENAPI_TEXT = JSON.stringify(OPENAPI);
