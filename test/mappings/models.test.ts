import { describe, expect, it } from 'vitest';
import { classOf, groupsOf } from './tables.ts';

const PROVIDERS = [
  'https://api.anthropic.com/v1/messages',
  'https://claude.ai/api/organizations/o/chat_conversations',
  'https://api.openai.com/v1/responses',
  'https://eu.api.openai.com/v1/chat/completions',
  'https://chatgpt.com/backend-api/codex/responses',
  'https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent',
  'https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:generateContent',
  'https://bedrock-runtime.eu-central-1.amazonaws.com/model/anthropic.claude-v2%3A1/converse-stream',
  'https://acme.openai.azure.com/openai/deployments/d/chat/completions?api-version=1',
  'https://api.mistral.ai/v1/chat/completions',
  'https://api.cohere.com/v2/chat',
  'https://api.x.ai/v1/chat/completions',
  'https://api.deepseek.com/chat/completions',
  'https://api.groq.com/openai/v1/chat/completions',
  'https://api.together.xyz/v1/chat/completions',
  'https://api.fireworks.ai/inference/v1/chat/completions',
  'https://api.perplexity.ai/chat/completions',
  'https://openrouter.ai/api/v1/chat/completions',
  'https://router.huggingface.co/v1/chat/completions',
  'https://api.replicate.com/v1/predictions',
];

describe('model providers', () => {
  it.each(PROVIDERS)('are sent to outside: %s', (url) => {
    expect(classOf('POST', url)).toBe('communication.external.send');
    expect(classOf('GET', url)).toBe('communication.external.send');
    expect(groupsOf(url)).toEqual(['model']);
  });

  it.each([
    'https://anthropic.com/v1/messages',
    'https://api.openai.com.evil.example/v1/responses',
    'https://openai.azure.com/openai',
    // The account's own storage and its control plane are no model.
    'https://bucket.s3.eu-central-1.amazonaws.com/model/a/converse',
    'https://bedrock.eu-central-1.amazonaws.com/foundation-models',
    'https://storage.googleapis.com/v1/models',
    'http://api.openai.com/v1/responses',
  ])('are no other hosts: %s', (url) => {
    expect(classOf('POST', url)).toBe('UNCLASSIFIED_ACTION');
  });

  it.each([
    ['POST', 'https://api.anthropic.com/v1/organizations/api_keys/k', 'credential.write'],
    ['GET', 'https://api.anthropic.com/v1/organizations/api_keys', 'credential.read'],
    ['POST', 'https://api.openai.com/v1/organization/admin_api_keys', 'credential.write'],
    ['DELETE', 'https://us.api.openai.com/v1/organization/projects/p/api_keys/k', 'credential.write'],
    ['POST', 'https://eu.api.openai.com/v1/organization/invites', 'account.permission.change'],
    ['POST', 'https://openrouter.ai/api/v1/keys', 'credential.write'],
    [
      'POST',
      'https://generativelanguage.googleapis.com/v1beta/tunedModels/x/permissions',
      'account.permission.change',
    ],
    ['POST', 'https://aiplatform.googleapis.com/v1/projects/p/locations/l/customJobs', 'UNCLASSIFIED_ACTION'],
    [
      'POST',
      'https://aiplatform.googleapis.com/v1/projects/p/locations/l/models/m:setIamPolicy',
      'UNCLASSIFIED_ACTION',
    ],
  ])('are administered, not asked, by %s %s', (method, url, name) => {
    expect(classOf(method, url)).toBe(name);
  });
});
