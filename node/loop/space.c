#include "loop/space.h"

enum space_act space_look(struct space *space, uint64_t available)
{
    if (!space->ballast) {
        /* What is free now is what the ballast was: it is not there to be used. */
        space->state = SPACE_FULL;
        if (available < SPACE_NONE_BELOW) return SPACE_END;
        return available >= SPACE_WHOLE_SIZE ? SPACE_RESTORE : SPACE_KEEP;
    }
    if (available < SPACE_FULL_BELOW) {
        space->state = SPACE_FULL;
        return SPACE_RELEASE;
    }
    if (available < SPACE_LOW_BELOW) {
        space->state = SPACE_LOW;
    } else if (available >= SPACE_GOOD_FROM) {
        space->state = SPACE_GOOD;
    } else if (space->state == SPACE_FULL) {
        space->state = SPACE_LOW;
    }
    return SPACE_KEEP;
}

bool space_begin(struct space *space, uint64_t available, enum space_act *ret_act)
{
    const uint64_t reserve = space->ballast ? SPACE_BALLAST_SIZE : 0;

    if (available < SPACE_OPEN_SIZE && available + reserve < SPACE_OPEN_SIZE) return false;
    *ret_act = space_look(space, available);
    if (space->ballast && available < SPACE_LOW_BELOW) {
        space->state = SPACE_FULL;
        *ret_act = SPACE_RELEASE;
    }
    return true;
}
