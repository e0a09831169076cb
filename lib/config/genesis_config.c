#include "config/genesis_config.h"

#include <string.h>

#include "base/limits.h"

enum { PATH_MAX_SIZE = 1024 };

static const char *const kinds[] = {"human", "service", "robot", NULL};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NAME(name, member)                                                                     \
    {                                                                                          \
        .key = (name), .type = CONFIG_TEXT, .required = true, .min = 1,                        \
        .max = LIMIT_NAME_SIZE, .offset = (member)                                             \
    }

static const struct config_field member_fields[] = {
    NAME("name", offsetof(struct genesis_config_member, name)),
    NAME("site", offsetof(struct genesis_config_member, site)),
    {.key = "key",
     .type = CONFIG_PATH,
     .required = true,
     .min = 1,
     .max = PATH_MAX_SIZE,
     .offset = offsetof(struct genesis_config_member, key)},
};
static const struct config_table member_table = {member_fields, COUNT(member_fields),
                                                 sizeof(struct genesis_config_member)};

static const struct config_field root_fields[] = {
    {.key = "threshold",
     .type = CONFIG_NUMBER,
     .required = true,
     .min = 1,
     .max = LIMIT_GENESIS_SIGNERS,
     .offset = offsetof(struct genesis_config_root, threshold)},
    {.key = "keys",
     .type = CONFIG_PATHS,
     .required = true,
     .min = 1,
     .max = LIMIT_GENESIS_SIGNERS,
     .offset = offsetof(struct genesis_config_root, keys)},
};
static const struct config_table root_table = {root_fields, COUNT(root_fields),
                                               sizeof(struct genesis_config_root)};

static const struct config_field principal_fields[] = {
    NAME("id", offsetof(struct genesis_config_principal, id)),
    {.key = "kind",
     .type = CONFIG_CHOICE,
     .required = true,
     .offset = offsetof(struct genesis_config_principal, kind),
     .choices = kinds},
    {.key = "keys",
     .type = CONFIG_PATHS,
     .required = true,
     .min = 1,
     .max = LIMIT_EVENT_SIGNERS,
     .offset = offsetof(struct genesis_config_principal, keys)},
    {.key = "roles",
     .type = CONFIG_TEXTS,
     .required = true,
     .min = 0,
     .max = 16,
     .offset = offsetof(struct genesis_config_principal, roles)},
};
static const struct config_table principal_table = {principal_fields, COUNT(principal_fields),
                                                    sizeof(struct genesis_config_principal)};

static const struct config_field genesis_fields[] = {
    NAME("name", offsetof(struct genesis_config, name)),
    {.key = "members",
     .type = CONFIG_MAPS,
     .required = true,
     .min = 1,
     .max = LIMIT_VOTERS,
     .offset = offsetof(struct genesis_config, members),
     .table = &member_table},
    {.key = "root",
     .type = CONFIG_MAP,
     .required = true,
     .offset = offsetof(struct genesis_config, root),
     .table = &root_table},
    {.key = "principals",
     .type = CONFIG_MAPS,
     .required = true,
     .min = 1,
     .max = GENESIS_CONFIG_PRINCIPALS_MAX,
     .offset = offsetof(struct genesis_config, principals),
     .table = &principal_table},
};
static const struct config_table genesis_table = {genesis_fields, COUNT(genesis_fields),
                                                  sizeof(struct genesis_config)};

static bool same(const struct config_text *a, const struct config_text *b)
{
    return a->text != NULL && b->text != NULL && a->text[0] != '\0' &&
           strcmp(a->text, b->text) == 0;
}

static void twice(struct config *config, const struct config_text *text)
{
    config_fault(config, text->place, "'%.80s' is there twice", text->text);
}

static void check_list(struct config *config, const struct config_texts *texts)
{
    for (uint32_t i = 0; i < texts->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (same(&texts->items[i], &texts->items[j])) {
                twice(config, &texts->items[i]);
                break;
            }
}

static void check_members(struct config *config, const struct config_maps *maps)
{
    const struct genesis_config_member *members = maps->items;

    for (uint32_t i = 0; i < maps->count; i++)
        for (uint32_t j = 0; j < i; j++) {
            if (same(&members[i].name, &members[j].name)) twice(config, &members[i].name);
            if (same(&members[i].key, &members[j].key)) twice(config, &members[i].key);
        }
}

enum tally_err genesis_config_read(struct config *config, struct genesis_config *ret_config)
{
    enum tally_err err = config_read(config, &genesis_table, ret_config);
    const struct genesis_config_principal *principals = ret_config->principals.items;

    if (err == TALLY_E_NO_MEMORY) return err;
    check_members(config, &ret_config->members);
    check_list(config, &ret_config->root.keys);
    for (uint32_t i = 0; i < ret_config->principals.count; i++) {
        check_list(config, &principals[i].keys);
        check_list(config, &principals[i].roles);
        for (uint32_t j = 0; j < i; j++)
            if (same(&principals[i].id, &principals[j].id)) twice(config, &principals[i].id);
    }
    if (ret_config->root.threshold.value > ret_config->root.keys.count &&
        ret_config->root.keys.place.line != 0)
        config_fault(config, ret_config->root.threshold.place,
                     "threshold %u of %u root keys cannot be reached",
                     (unsigned)ret_config->root.threshold.value, ret_config->root.keys.count);
    return config_result(config);
}
