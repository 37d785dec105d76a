import { canonicalString } from '../audit/canonical-json.ts';
import type { Claims } from '../capability/claims.ts';
import type { Envelope } from '../normalizer/envelope.ts';
import { ACTION_CLASSES } from '../registry/classes.ts';
import { wholeText } from '../registry/whole-text.ts';
import type { SessionSnapshot } from '../session/table.ts';
import type { Decision, Outcome, Reason, Stage } from './decision.ts';

const NO_POLICIES: readonly string[] = [];
const CLASS_TEXTS: readonly string[] = ACTION_CLASSES.map(
  ({ name }) => `{"action_class":${canonicalString(name)},`,
);

export function listText(texts: readonly string[]): string {
  let out = '[';
  for (let index = 0; index < texts.length; index++) {
    out += (index === 0 ? '' : ',') + canonicalString(texts[index] ?? '');
  }
  return `${out}]`;
}

export function requestText({ bodyBytes, target }: Envelope): string {
  const query = target.query === '' ? ',"query_present":false' : ',"query_present":true';
  const scheme = target.scheme === 'https' ? ',"scheme":"https"}' : ',"scheme":"http"}';
  return `"request":{"body_bytes":${bodyBytes}${query}${scheme}`;
}

/**
 * The parts of one token's records that seldom change from one call to the next, each in one piece: most of what writing a
 * line costs is putting pieces together.
 */
export class RecordFrame {
  readonly #agentText: string;
  readonly #sessionIdText: string;
  readonly #tokenText: string;
  #classIndex = -1;
  #headText: string;
  #method = '';
  #outcome: Outcome | '' = '';
  #reason: Reason | '' = '';
  #policies: readonly string[] = NO_POLICIES;
  #bodyBytes = -1;
  #hasQuery = false;
  #scheme = '';
  #answerText = '';
  #rule = '';
  #ageS = -1;
  #ruleText = '';
  #denies = -1;
  #lastClass = '';
  #stage: Stage | '' = '';
  #sessionText = '';
  #transport = '';
  #endText = '';

  /** @param sidecarText `,"sidecar_id":…,` */
  constructor({ jti, sid, sub }: Claims, sidecarText: string) {
    this.#agentText = `"agent_id":${canonicalString(sub)},"budgets":`;
    this.#sessionIdText = `"session_id":${canonicalString(sid)}${sidecarText}"stage":"`;
    this.#tokenText = `","token_id":${canonicalString(jti)},"transport":"`;
    this.#headText = `{${this.#agentText}`;
  }

  /** Down to the budgets. @param classIndex -1 where the call has no class */
  head(classIndex: number): string {
    if (classIndex !== this.#classIndex) {
      this.#classIndex = classIndex;
      this.#headText = wholeText((CLASS_TEXTS[classIndex] ?? '{') + this.#agentText);
    }
    return this.#headText;
  }

  /** From the method to the resource, of a call that has one reading, without facts. */
  answer({ outcome, policies, reason }: Decision, envelope: Envelope): string {
    const { bodyBytes, method, target } = envelope;
    const hasQuery = target.query !== '';
    if (
      policies === this.#policies &&
      method === this.#method &&
      outcome === this.#outcome &&
      reason === this.#reason &&
      bodyBytes === this.#bodyBytes &&
      hasQuery === this.#hasQuery &&
      target.scheme === this.#scheme
    ) {
      return this.#answerText;
    }
    const text = wholeText(
      `${canonicalString(method)},"outcome":"${outcome}","params":{},"policies":${listText(policies)}` +
        `,"reason":"${reason}",${requestText(envelope)},"resource":`,
    );
    // Another list may be in the place of one that is not frozen.
    if (!Object.isFrozen(policies)) return text;
    this.#policies = policies;
    this.#method = method;
    this.#outcome = outcome;
    this.#reason = reason;
    this.#bodyBytes = bodyBytes;
    this.#hasQuery = hasQuery;
    this.#scheme = target.scheme;
    this.#answerText = text;
    return text;
  }

  /** The rule, and of the session its age. */
  ruleAndAge(rule: string, ageS: number): string {
    if (rule !== this.#rule || ageS !== this.#ageS) {
      this.#rule = rule;
      this.#ageS = ageS;
      this.#ruleText = wholeText(`,"rule":${canonicalString(rule)},"session":{"age_s":${ageS},"calls":`);
    }
    return this.#ruleText;
  }

  /** From what the session was denied to the time. */
  session({ denies, lastClass }: SessionSnapshot, stage: Stage): string {
    if (denies !== this.#denies || lastClass !== this.#lastClass || stage !== this.#stage) {
      this.#denies = denies;
      this.#lastClass = lastClass;
      this.#stage = stage;
      const last = lastClass === '' ? '' : `,"last_class":${canonicalString(lastClass)}`;
      this.#sessionText = wholeText(`,"denies":${denies}${last}},${this.#sessionIdText}${stage}","time":"`);
    }
    return this.#sessionText;
  }

  /** What stands behind the time. */
  end(transport: string): string {
    if (transport !== this.#transport) {
      this.#transport = transport;
      this.#endText = wholeText(`${this.#tokenText}${transport}","v":1}`);
    }
    return this.#endText;
  }
}
