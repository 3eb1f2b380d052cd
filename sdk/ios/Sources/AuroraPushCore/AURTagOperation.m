#import "AURTagOperation.h"

static NSArray<NSString *> *sorted(id<NSFastEnumeration> tags) {
    NSMutableSet *set = [NSMutableSet set];
    for (NSString *tag in tags) [set addObject:tag];
    return [set.allObjects sortedArrayUsingSelector:@selector(compare:)];
}

// The elements of both, without those of minus, sorted.
static NSArray<NSString *> *combined(NSArray *some, NSArray *minus, NSArray *more) {
    NSMutableSet *set = [NSMutableSet setWithArray:some ?: @[]];
    [set minusSet:[NSSet setWithArray:minus ?: @[]]];
    [set addObjectsFromArray:more ?: @[]];
    return sorted(set);
}

static AURTagOperation *operation(NSArray *add, NSArray *remove) {
    NSMutableDictionary *result = [NSMutableDictionary dictionary];
    if (add.count > 0) result[@"add"] = add;
    if (remove.count > 0) result[@"remove"] = remove;
    return [result copy];
}

AURTagOperation *AURTagsSet(NSArray<NSString *> *tags) { return @{@"set" : sorted(tags)}; }

AURTagOperation *AURTagsAdd(NSArray<NSString *> *tags) { return operation(sorted(tags), nil); }

AURTagOperation *AURTagsRemove(NSArray<NSString *> *tags) { return operation(nil, sorted(tags)); }

AURTagOperation *AURTagsThen(AURTagOperation *earlier, AURTagOperation *later) {
    if (later == nil) return earlier;
    if (earlier == nil || later[@"set"] != nil) return later;
    NSArray *add = later[@"add"], *remove = later[@"remove"];
    if (earlier[@"set"] != nil) return @{@"set" : combined(earlier[@"set"], remove, add)};
    return operation(combined(earlier[@"add"], remove, add), combined(earlier[@"remove"], add, remove));
}

NSArray<NSString *> *AURTagsApply(AURTagOperation *operation, NSArray<NSString *> *tags) {
    if (operation[@"set"] != nil) return operation[@"set"];
    return combined(tags, operation[@"remove"], operation[@"add"]);
}
