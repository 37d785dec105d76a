export { entryPoint } from './entry-point.ts';
