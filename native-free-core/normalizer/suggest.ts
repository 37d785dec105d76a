// The policy room suggests words too, and rooms do not import one another.
export { closestWord, didYouMean } from '../registry/suggest.ts';
