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

// What is stored: the member of the file, the property or instance variable that holds it, and its class.
static NSArray<NSArray *> *layout(void) {
    Class text = [NSString class], dictionary = [NSDictionary class], list = [NSArray class];
    return @[
        @[ @"server", @"_server", text ], @[ @"app_key", @"_appKey", text ], @[ @"install_id", @"_installID", text ],
        @[ @"secret", @"_secret", text ], @[ @"registration_id", @"_registrationID", text ], @[ @"wanted", @"_wanted", dictionary ],
        @[ @"pending", @"_pending", dictionary ], @[ @"receipts", @"_receipts", list ], @[ @"known", @"_known", list ]
    ];
}

+ (instancetype)recordWithData:(NSData *)data error:(NSError **)error {
    NSDictionary *stored = [NSJSONSerialization JSONObjectWithData:data options:0 error:NULL];
    if (![stored isKindOfClass:[NSDictionary class]] || ![stored[@"version"] isEqual:@(Version)]) {
        if (error != NULL) *error = AURMakeError(AURErrorUnexpected, @"the stored record is damaged or of another version");
        return nil;
    }
    AURRecord *record = [[self alloc] init];
    for (NSArray *member in layout())
        if ([stored[member[0]] isKindOfClass:member[2]]) [record setValue:[stored[member[0]] mutableCopy] forKey:member[1]];
    [record->_receipts filterUsingPredicate:[NSPredicate predicateWithBlock:^BOOL(id receipt, NSDictionary *bindings) { return AURIsReceipt(receipt); }]];
    [record->_known filterUsingPredicate:[NSPredicate predicateWithBlock:^BOOL(id key, NSDictionary *bindings) { return [key isKindOfClass:[NSString class]]; }]];
    return record;
}

- (NSData *)encoded:(NSError **)error {
    NSMutableDictionary *values = [NSMutableDictionary dictionaryWithObject:@(Version) forKey:@"version"];
    for (NSArray *member in layout()) [values setValue:[self valueForKey:member[1]] forKey:member[0]];
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
