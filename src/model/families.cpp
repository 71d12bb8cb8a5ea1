// The table of families: what opens, by the model_type of config.json.
#include "model/families.h"

#include <algorithm>

#include "embscope/model/families.h"

namespace embscope {
namespace {

constexpr Family table[] = {
    {"gpt2", read_gpt2, "GPT-2", "gpt2"},
    {"llama", read_llama, "Llama 1 to 3, Yi, Vicuna and others of its form, also from inside LLaVA (llava, llava_next)",
     "llama"},
    {"mistral", read_mistral, "Mistral, also from inside its image model (mistral3)", "llama"},
    {"qwen2", read_qwen2, "Qwen 2 and 2.5", "qwen2"},
    {"qwen3", read_qwen3, "Qwen 3", "qwen3"},
    {"gpt_neox", read_gpt_neox, "GPT-NeoX, Pythia", "gptneox"},
    {"gemma", read_gemma, "Gemma", "gemma"},
    {"gemma2", read_gemma2, "Gemma 2", "gemma2"},
    {"gemma3_text", read_gemma3, "Gemma 3, also from inside its image model (gemma3)", "gemma3"},
    {"gemma4_text", read_gemma4, "Gemma 4, also from inside its image model (gemma4)", "gemma4"},
    {"gemma4_unified_text", read_gemma4_unified, "Gemma 4 12B, also from inside gemma4_unified", "gemma4"},
    {"opt", read_opt, "OPT", ""},
    {"openai-gpt", read_openai_gpt, "GPT (1)", ""},
    {"phi", read_phi, "Phi 1 and 2", "phi2"},
    {"phi3", read_phi3, "Phi 3 and 4", "phi3"},
    {"smollm3", read_smollm3, "SmolLM3", "smollm3"},
    {"olmo", read_olmo, "OLMo", "olmo"},
    {"olmo2", read_olmo2, "OLMo 2", "olmo2"},
    {"gptj", read_gptj, "GPT-J", ""},
    {"gpt_neo", read_gpt_neo, "GPT-Neo", ""},
    {"bloom", read_bloom, "BLOOM", "bloom"},
    {"falcon", read_falcon, "Falcon, with rotary positions and with ALiBi", "falcon"},
    {"RefinedWebModel", read_refined_web, "Falcon 7B by its first name", ""},
    {"RefinedWeb", read_refined_web, "Falcon 40B by its first name", ""},
    {"stablelm", read_stablelm, "StableLM", "stablelm"},
    {"granite", read_granite, "Granite", "granite"},
    {"cohere", read_cohere, "Command-R, Aya", "command-r"},
    {"cohere2", read_cohere2, "Command-R7B, Command-A", "cohere2"},
    {"starcoder2", read_starcoder2, "StarCoder 2", "starcoder2"},
    {"gpt_bigcode", read_gpt_bigcode, "StarCoder, SantaCoder", "starcoder"},
    {"mpt", read_mpt, "MPT", "mpt"},
    {"glm", read_glm, "GLM-4 9B", "chatglm"},
    {"glm4", read_glm4, "GLM-4 0414", "glm4"},
    {"nemotron", read_nemotron, "Nemotron, Minitron", "nemotron"},
    {"arcee", read_arcee, "Arcee", "arcee"},
    {"helium", read_helium, "Helium", ""},
    {"mixtral", read_mixtral, "Mixtral", "llama"},
    {"qwen2_moe", read_qwen2_moe, "Qwen 1.5 and 2 with experts", "qwen2moe"},
    {"qwen3_moe", read_qwen3_moe, "Qwen 3 with experts", "qwen3moe"},
    {"olmoe", read_olmoe, "OLMoE", "olmoe"},
    {"gpt_oss", read_gpt_oss, "gpt-oss", "gpt-oss"},
    {"granitemoe", read_granitemoe, "Granite with experts", "granitemoe"},
    {"granitemoeshared", read_granitemoeshared, "Granite with experts and a shared one", "granitemoe"},
    {"deepseek_v2", read_deepseek_v2, "DeepSeek V2", "deepseek2"},
    {"deepseek_v3", read_deepseek_v3, "DeepSeek V3, R1", "deepseek2"},
    {"dots1", read_dots1, "dots.llm1", "dots1"},
    {"glm4_moe", read_glm4_moe, "GLM-4.5", "glm4moe"},
    {"ernie4_5", read_ernie4_5, "ERNIE 4.5", "ernie4_5"},
    {"ernie4_5_moe", read_ernie4_5_moe, "ERNIE 4.5 with experts", "ernie4_5-moe"},
    {"minimax_m2", read_minimax_m2, "MiniMax M2", "minimax-m2"},
    {"olmo3", read_olmo3, "OLMo 3", "olmo2"},
    {"exaone4", read_exaone4, "EXAONE 4", "exaone4"},
    {"hunyuan_v1_dense", read_hunyuan_dense, "Hunyuan, dense", "hunyuan-dense"},
    {"seed_oss", read_seed_oss, "Seed-OSS", "seed_oss"},
    {"cwm", read_cwm, "CWM", ""},
    {"ministral", read_ministral, "Ministral", ""},
    {"ministral3", read_ministral3, "Ministral 3", "mistral3"},
    {"llama4_text", read_llama4, "Llama 4, also from inside its image model (llama4)", "llama4"},
    {"codegen", read_codegen, "CodeGen", ""},
    {"xglm", read_xglm, "XGLM", ""},
    {"apertus", read_apertus, "Apertus", "apertus"},
    {"phimoe", read_phimoe, "Phi 3.5 with experts", "phimoe"},
    {"internlm2", read_internlm2, "InternLM 2 and 2.5", "internlm2"},
    {"internlm3", read_internlm3, "InternLM 3", "llama"},
    {"minicpm", read_minicpm, "MiniCPM 1 and 2", "minicpm"},
    {"minicpm3", read_minicpm3, "MiniCPM 3", "minicpm3"},
    {"exaone", read_exaone, "EXAONE 3 and 3.5", "exaone"},
    {"exaone_moe", read_exaone_moe, "EXAONE with experts", "exaone-moe"},
    {"nanochat", read_nanochat, "NanoChat", ""},
    {"dbrx", read_dbrx, "DBRX", "dbrx"},
    {"hunyuan_v1_moe", read_hunyuan_moe, "Hunyuan with experts", "hunyuan-moe"},
    {"flex_olmo", read_flex_olmo, "FlexOlmo", ""},
    {"glm4_moe_lite", read_glm4_moe_lite, "GLM-4.7 Flash", "deepseek2"},
    {"vaultgemma", read_vaultgemma, "VaultGemma", ""},
    {"jais2", read_jais2, "Jais 2", "jais2"},
    {"hyperclovax", read_hyperclovax, "HyperCLOVA X", ""},
    {"youtu", read_youtu, "Youtu", ""},
    {"solar_open", read_solar_open, "Solar Open", ""},
    {"qwen2_vl_text", read_qwen2, "Qwen 2 VL's text model, also from inside it (qwen2_vl)", "qwen2vl"},
    {"qwen2_5_vl_text", read_qwen2, "Qwen 2.5 VL's text model, also from inside it (qwen2_5_vl)", "qwen2vl"},
    {"qwen3_vl_text", read_qwen3, "Qwen 3 VL's text model, also from inside it (qwen3_vl)", "qwen3vl"},
    {"qwen3_vl_moe_text", read_qwen3_moe, "Qwen 3 VL's with experts, also from inside it (qwen3_vl_moe)", "qwen3vlmoe"},
    {"iquestcoder", read_iquestcoder, "IQuest-Coder", ""},
    {"persimmon", read_persimmon, "Persimmon", ""},
    {"biogpt", read_biogpt, "BioGPT", ""},
    {"ctrl", read_ctrl, "CTRL", ""},
    {"granite_swa", read_granite_swa, "Granite with windows and sinks", "granite_swa"},
    {"granitemoe_swa", read_granitemoe_swa, "Granite with experts, windows and sinks", "granite_swa"},
    {"mellum", read_mellum, "Mellum 2", "mellum"},
    {"flint", read_flint, "Flint", ""},
    {"hy_v3", read_hy_v3, "Hunyuan 3", "hy_v3"},
    {"sarvam_moe", read_sarvam_moe, "Sarvam 30B", ""},
    {"sarvam_mla", read_sarvam_mla, "Sarvam 105B", "deepseek2"},
    {"qwen", read_qwen, "Qwen 1", "qwen"},
    {"baichuan", read_baichuan, "Baichuan 1 and 2", "baichuan"},
    {"chatglm", read_chatglm, "ChatGLM 2 and 3, GLM-4 9B by its first name", "chatglm"},
    {"orion", read_orion, "Orion", "orion"},
    {"internlm", read_internlm, "InternLM 1", "llama"},
    {"xverse", read_xverse, "XVERSE", "xverse"},
    {"aquila", read_llama, "Aquila", "llama"},
    {"stablelm_epoch", read_stablelm_epoch, "StableLM by its first name", "stablelm"},
    {"deepseek", read_deepseek, "DeepSeek LLM with experts", "deepseek"},
    {"bailing_moe", read_bailing_moe, "Ling with experts", "bailingmoe"},
    {"bailing_moe_v2", read_bailing_moe_v2, "Ling 2 with experts", "bailingmoe2"},
    {"", nullptr, "Refact", "refact"},
    {"", nullptr, "CodeShell", "codeshell"},
    {"", nullptr, "PLM", "plm"},
    {"", nullptr, "Jais", "jais"},
    {"", nullptr, "PLaMo", "plamo"},
    {"", nullptr, "Pangu Embedded", "pangu-embedded"}};

// Other models that people have on their disks, by the reason why they do not open.
struct OutOfScope {
  std::string_view why;
  std::initializer_list<std::string_view> types;
};
const OutOfScope outside[] = {
    {"a recurrent model",
     {"mamba", "mamba2", "falcon_mamba", "rwkv", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7", "xlstm", "recurrent_gemma"}},
    {"a model with recurrent blocks",
     {"jamba",
      "bamba",
      "zamba",
      "zamba2",
      "zaya",
      "nemotron_h",
      "nemotron_h_moe",
      "falcon_h1",
      "granitemoehybrid",
      "granitehybrid",
      "graniteswitch",
      "qwen3_next",
      "qwen3next",
      "qwen3_5",
      "qwen3_5_text",
      "qwen3_5_moe",
      "qwen3_5_moe_text",
      "qwen35",
      "qwen35moe",
      "qwen4_exp",
      "qwen4_exp_text",
      "qwen4exp",
      "minimax",
      "minimax_01",
      "kimi_linear",
      "kimi_k3",
      "olmo_hybrid",
      "bailing_hybrid",
      "bailingmoe3",
      "plamo2",
      "inkling_text",
      "inkling2_text",
      "lara_mini"}},
    {"a model with convolutional blocks", {"lfm2", "lfm2_moe", "lfm2moe", "lfm3"}},
    {"an encoder",
     {"bert",
      "modern_bert",
      "nomic_bert",
      "nomic_bert_moe",
      "neo_bert",
      "jina_bert_v2",
      "jina_bert_v3",
      "roberta",
      "distilbert",
      "albert",
      "electra",
      "deberta",
      "deberta-v2",
      "xlm-roberta",
      "camembert",
      "mpnet",
      "modernbert",
      "eurobert",
      "gemma_embedding",
      "gemma_embedding2",
      "llama_embed",
      "t5encoder",
      "ernie",
      "big_bird",
      "rembert",
      "roformer",
      "xlm",
      "xlnet",
      "longformer",
      "mobilebert",
      "squeezebert",
      "funnel",
      "convbert",
      "canine",
      "data2vec-text",
      "layoutlm",
      "layoutlmv3",
      "esm",
      "luke",
      "flaubert",
      "megatron-bert",
      "xlm-roberta-xl",
      "nystromformer",
      "tapas",
      "bert-generation"}},
    {"an encoder with a decoder",
     {"t5",
      "mt5",
      "umt5",
      "longt5",
      "t5gemma",
      "bart",
      "mbart",
      "pegasus",
      "marian",
      "m2m_100",
      "led",
      "blenderbot",
      "blenderbot-small",
      "fsmt",
      "whisper",
      "plbart",
      "mvp",
      "prophetnet",
      "bigbird_pegasus",
      "t5gemma2",
      "switch_transformers",
      "nllb-moe",
      "encoder-decoder",
      "vision-encoder-decoder",
      "speech-encoder-decoder",
      "speech_to_text",
      "seamless_m4t",
      "seamless_m4t_v2",
      "florence2",
      "pix2struct",
      "udop",
      "moonshine",
      "trocr"}},
    {"a model of images and texts whose blocks attend to the images", {"mllama", "idefics", "flamingo", "kosmos-2"}},
    {"a model that reads images, or sounds, and texts, and whose text model does not open by itself",
     {"paligemma",    "idefics2",        "idefics3",    "smolvlm",        "phi3_v",
      "phi4mm",       "phi4_multimodal", "blip-2",      "instructblip",   "git",
      "fuyu",         "chameleon",       "emu3",        "janus",          "qwen2_audio",
      "qwen2_5_omni", "qwen3_omni_moe",  "ovis2",       "molmo",          "minicpmv",
      "minicpmo",     "internvl_chat",   "deepseek_vl", "deepseek_vl_v2", "deepseek_vl_hybrid",
      "kimi_vl",      "glm4v",           "glm4v_moe",   "got_ocr2",       "cogvlm",
      "llava_llama",  "llava_mistral",   "llava_qwen",  "bunny-llama",    "ultravox"}},
    {"a model with several residual streams (AltUp)", {"gemma3n", "gemma3n_text"}},
    {"a model that drafts for another one, whose keys and values it reads",
     {"gemma4_assistant", "gemma4_unified_assistant"}},
    {"a model whose blocks have other numbers of heads than each other",
     {"mimo_v2_flash", "mimo2", "laguna", "openelm", "deci", "nemotron-nas", "step35"}},
    {"a model with a mixture of attention heads", {"jetmoe"}},
    {"a model with an MLP beside its experts", {"arctic", "grok", "grok-1", "grovemoe"}},
    {"a model with two attentions in a block", {"longcat_flash"}},
    {"a model that rounds its activations to eight bits, with norms inside its branches", {"bitnet"}},
    {"a model whose router reads what comes before attention, or is corrected before its sigmoid",
     {"smallthinker", "kolibri1"}},
    {"a model that goes through its blocks several times", {"hrm_text", "dory", "inkling2_loop_text"}},
    {"a model with relative positions of its own", {"cpmant", "reformer"}},
    {"a model of bytes in patches", {"blt"}},
    {"a model that attends to chosen positions only",
     {"deepseek_v32", "deepseek32", "deepseek_v4", "deepseek4", "glm_moe_dsa", "glm_dsa", "axk2", "hy_v4", "dots3_note",
      "dots3_note_text", "dots3note"}},
    {"a model with gates or differences of attention", {"afmoe", "diffllama", "doge"}},
    {"a model that reads in both directions", {"llada", "llada_moe", "dream", "rnd1", "diffusion_gemma"}},
    {"a model of images or sound",
     {"vit",
      "clip",
      "siglip",
      "dinov2",
      "wav2vec2",
      "hubert",
      "wavtokenizer_dec",
      "siglip2",
      "siglip_vision_model",
      "clip_text_model",
      "clip_vision_model",
      "dinov3_vit",
      "deit",
      "beit",
      "swin",
      "swinv2",
      "convnext",
      "resnet",
      "detr",
      "yolos",
      "segformer",
      "sam",
      "sam2",
      "owlvit",
      "owlv2",
      "depth_anything",
      "bark",
      "musicgen",
      "vits",
      "speecht5",
      "encodec",
      "clap",
      "wavlm",
      "pixtral"}}};

// Models of texts and images whose text model opens by itself.
constexpr Wrapper wrappers[] = {{"gemma3", "gemma3_text"},
                                {"gemma4", "gemma4_text"},
                                {"gemma4_unified", "gemma4_unified_text"},
                                {"llama4", "llama4_text"},
                                {"mistral3", "mistral"},
                                {"llava", "llama"},
                                {"llava_next", "llama"},
                                {"llava_next_video", "llama"},
                                {"llava_onevision", "qwen2"},
                                {"vipllava", "llama"},
                                {"video_llava", "llama"},
                                {"aya_vision", "cohere2"},
                                {"internvl", "qwen2"},
                                {"qwen2_vl", "qwen2_vl_text", true},
                                {"qwen2_5_vl", "qwen2_5_vl_text", true},
                                {"qwen3_vl", "qwen3_vl_text"},
                                {"qwen3_vl_moe", "qwen3_vl_moe_text"}};

}  // namespace

const Family* find_family(std::string_view model_type) {
  const auto found = std::ranges::find(table, model_type, &Family::model_type);
  return found == std::end(table) || model_type.empty() ? nullptr : found;
}

std::string_view out_of_scope(std::string_view model_type) {
  for (const OutOfScope& kind : outside) {
    if (std::ranges::find(kind.types, model_type) != kind.types.end()) return kind.why;
  }
  return "";
}

std::vector<OpenFamily> open_families() {
  std::vector<OpenFamily> list;
  for (const Family& family : table) list.push_back({family.name, family.model_type, family.gguf});
  return list;
}

std::vector<RefusedFamilies> refused_families() {
  std::vector<RefusedFamilies> list;
  for (const OutOfScope& kind : outside) list.push_back({kind.why, kind.types});
  return list;
}

std::vector<std::string_view> open_architectures() { return gguf_architectures(); }

const Wrapper* find_wrapper(std::string_view model_type) {
  const auto found = std::ranges::find(wrappers, model_type, &Wrapper::model_type);
  return found == std::end(wrappers) ? nullptr : found;
}

bool beside_text(std::string_view tensor) {
  if (tensor.starts_with("model.")) tensor.remove_prefix(6);
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"vision_tower.", "vision_model.", "multi_modal_projector.", "visual.",
                                              "audio_tower.", "embed_vision.", "embed_audio.", "vision_embedder.",
                                              "image_tower.", "video_tower.", "image_newline"},
      [&](std::string_view part) { return tensor.starts_with(part); });
}

std::vector<std::string> attention_kinds(const Keys& keys, std::int64_t blocks) {
  std::vector<std::string> kinds;
  if (keys.has("attention_layers")) {
    for (std::string_view kind : keys.strings("attention_layers")) kinds.emplace_back(kind);
  } else if (keys.has("attention_types")) {
    throw Error(Code::unsupported, keys.where(),
                "'attention_types' without 'attention_layers': write 'global' or 'local' for each block there");
  } else {
    for (std::int64_t l = 0; l < blocks; ++l) kinds.emplace_back(l % 2 == 0 ? "global" : "local");
  }
  const bool known =
      std::ranges::all_of(kinds, [](const std::string& kind) { return kind == "global" || kind == "local"; });
  if (!known || static_cast<std::int64_t>(kinds.size()) != blocks)
    throw Error(Code::format, keys.where(), "'attention_layers': expected 'global' or 'local' for each block");
  return kinds;
}

}  // namespace embscope
