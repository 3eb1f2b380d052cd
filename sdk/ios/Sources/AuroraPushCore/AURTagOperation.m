#import "AURTagOperation.h"

// The elements of some and more, without those of minus, sorted.
static NSArray<NSString *> *combined(NSArray *some, NSArray *minus, NSArray *more) {
    NSMutableSet *set = [NSMutableSet setWithArray:some ?: @[]];
    [set minusSet:[NSSet setWithArray:minus ?: @[]]];
    [set addObjectsFromArray:more ?: @[]];
    return [set.allObjects sortedArrayUsingSelector:@selector(compare:)];
}

static AURTagOperation *operation(NSArray *add, NSArray *remove) {
    NSMutableDictionary *result = [NSMutableDictionary dictionary];
    if (add.count > 0) result[@"add"] = add;
    if (remove.count > 0) result[@"remove"] = remove;
    return result;
}

AURTagOperation *AURTagsSet(NSArray<NSString *> *tags) { return @{@"set" : combined(tags, nil, nil)}; }

AURTagOperation *AURTagsAdd(NSArray<NSString *> *tags) { return operation(combined(tags, nil, nil), nil); }

AURTagOperation *AURTagsRemove(NSArray<NSString *> *tags) { return operation(nil, combined(tags, nil, nil)); }

AURTagOperation *AURTagsThen(AURTagOperation *earlier, AURTagOperation *later) {
    if (later == nil) return earlier;
    if (earlier == nil || later[@"set"] != nil) return later;
    NSArray *add = later[@"add"], *remove = later[@"remove"];
    if (earlier[@"set"] != nil) return @{@"set" : combined(earlier[@"set"], remove, add)};
    return operation(combined(earlier[@"add"], remove, add), combined(earlier[@"remove"], add, remove));
}

static NSArray *first(NSArray *tags, NSUInteger most) { return [tags subarrayWithRange:NSMakeRange(0, MIN(tags.count, most))]; }

AURTagOperation *AURTagsPiece(AURTagOperation *op, NSUInteger most) {
    if (op == nil || op[@"set"] != nil) return op;
    return operation(first(op[@"add"], most), first(op[@"remove"], most));
}

AURTagOperation *AURTagsLeft(AURTagOperation *op, AURTagOperation *done) {
    if (op == nil || [op isEqual:done]) return nil;
    if (op[@"set"] != nil || done[@"set"] != nil) return op;
    AURTagOperation *left = operation(combined(op[@"add"], done[@"add"], nil), combined(op[@"remove"], done[@"remove"], nil));
    return left.count > 0 ? left : nil;
}
