#import "AURRecord.h"
#import "AURErrorMaking.h"
#import "AURNames.h"
#import "AURTagOperation.h"
#include <stdlib.h>

static const NSInteger Version = 1;

@implementation AURRecord {
    NSString *_server, *_appKey;
    NSMutableArray<AURReceipt *> *_receipts;
    NSMutableArray<NSString *> *_known; // keys of the latest receipts, delivered or not, oldest first
}

- (instancetype)init {
    if ((self = [super init])) {
        _wanted = @{};
        _pending = @{};
        _receipts = [NSMutableArray array];
        _known = [NSMutableArray array];
    }
    return self;
}

static id typed(NSDictionary *dictionary, NSString *key, Class class) {
    id value = dictionary[key];
    return [value isKindOfClass:class] ? value : nil;
}

+ (instancetype)recordWithData:(NSData *)data error:(NSError **)error {
    NSDictionary *stored = [NSJSONSerialization JSONObjectWithData:data options:0 error:NULL];
    if (![stored isKindOfClass:[NSDictionary class]] || [typed(stored, @"version", [NSNumber class]) integerValue] != Version) {
        if (error != NULL) *error = AURMakeError(AURErrorUnexpected, @"the stored record is damaged or of another version");
        return nil;
    }
    AURRecord *record = [[self alloc] init];
    record->_server = typed(stored, @"server", [NSString class]);
    record->_appKey = typed(stored, @"app_key", [NSString class]);
    record->_installID = typed(stored, @"install_id", [NSString class]);
    record->_secret = typed(stored, @"secret", [NSString class]);
    record->_registrationID = typed(stored, @"registration_id", [NSString class]);
    record->_wanted = typed(stored, @"wanted", [NSDictionary class]) ?: @{};
    record->_pending = typed(stored, @"pending", [NSDictionary class]) ?: @{};
    for (id receipt in typed(stored, @"receipts", [NSArray class]))
        if (AURIsReceipt(receipt)) [record->_receipts addObject:receipt];
    for (id key in typed(stored, @"known", [NSArray class]))
        if ([key isKindOfClass:[NSString class]]) [record->_known addObject:key];
    return record;
}

- (NSData *)encoded:(NSError **)error {
    NSMutableDictionary *values = [@{@"version" : @(Version), @"wanted" : _wanted, @"pending" : _pending, @"receipts" : _receipts, @"known" : _known} mutableCopy];
    [values setValue:_server forKey:@"server"];
    [values setValue:_appKey forKey:@"app_key"];
    [values setValue:_installID forKey:@"install_id"];
    [values setValue:_secret forKey:@"secret"];
    [values setValue:_registrationID forKey:@"registration_id"];
    return [NSJSONSerialization dataWithJSONObject:values options:0 error:error];
}

- (NSArray<AURReceipt *> *)receipts { return [_receipts copy]; }

- (void)makeIdentity {
    uint8_t secret[32];
    arc4random_buf(secret, sizeof secret);
    NSString *text = [[NSData dataWithBytes:secret length:sizeof secret] base64EncodedStringWithOptions:0];
    text = [[text stringByReplacingOccurrencesOfString:@"+" withString:@"-"] stringByReplacingOccurrencesOfString:@"/" withString:@"_"];
    _secret = [text stringByReplacingOccurrencesOfString:@"=" withString:@""];
    uint8_t b[16];
    arc4random_buf(b, sizeof b);
    b[6] = (b[6] & 0x0f) | 0x40; // version 4, RFC 9562 §5.4
    b[8] = (b[8] & 0x3f) | 0x80;
    _installID = [NSString stringWithFormat:@"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4],
                                            b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]];
}

- (void)forget {
    _registrationID = nil;
    _pending = _wanted;
}

- (void)bindToServer:(NSString *)server appKey:(NSString *)appKey {
    if ([_server isEqual:server] && [_appKey isEqual:appKey]) return;
    if (_appKey != nil) {
        [_receipts removeAllObjects];
        [_known removeAllObjects];
        [self forget];
    }
    _server = [server copy];
    _appKey = [appKey copy];
}

- (void)want:(AURChanges *)changes {
    _wanted = AURChangesThen(_wanted, changes);
    _pending = AURChangesThen(_pending, changes);
    // An app that rotates its tags for years must not carry the list of all it ever removed; a new registration starts
    // without them anyway.
    AURTagOperation *tags = _wanted[AURTagsKey];
    if (tags[@"remove"].count > AURTagsMax) _wanted = AURChangesThen(AURChangesWithout(_wanted, @{AURTagsKey : tags}), @{AURTagsKey : AURTagsAdd(tags[@"add"] ?: @[])});
}

- (void)confirm:(AURChanges *)sent { _pending = AURChangesWithout(_pending, sent); }

- (BOOL)knows:(AURReceipt *)receipt { return [_known containsObject:AURReceiptKey(receipt)]; }

- (BOOL)add:(NSArray<AURReceipt *> *)receipts dropped:(NSUInteger *)dropped {
    BOOL added = NO;
    for (AURReceipt *receipt in receipts) {
        if ([self knows:receipt]) continue;
        added = YES;
        [_known addObject:AURReceiptKey(receipt)];
        [_receipts addObject:receipt];
    }
    if (_known.count > AURReceiptsMaxKnown) [_known removeObjectsInRange:NSMakeRange(0, _known.count - AURReceiptsMaxKnown)];
    *dropped = _receipts.count > AURReceiptsMaxQueued ? _receipts.count - AURReceiptsMaxQueued : 0;
    if (*dropped > 0) [_receipts removeObjectsInRange:NSMakeRange(0, *dropped)];
    return added;
}

- (void)addAgain:(AURReceipt *)receipt {
    for (AURReceipt *queued in _receipts)
        if ([AURReceiptKey(queued) isEqual:AURReceiptKey(receipt)]) return;
    [_receipts addObject:receipt];
}

- (void)settle:(NSArray<AURReceipt *> *)delivered {
    NSMutableSet *keys = [NSMutableSet set];
    for (AURReceipt *receipt in delivered) [keys addObject:AURReceiptKey(receipt)];
    NSIndexSet *done = [_receipts indexesOfObjectsPassingTest:^BOOL(AURReceipt *queued, NSUInteger index, BOOL *stop) {
        return [keys containsObject:AURReceiptKey(queued)];
    }];
    [_receipts removeObjectsAtIndexes:done];
}

@end
