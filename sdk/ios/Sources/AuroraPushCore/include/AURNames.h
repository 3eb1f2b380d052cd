// The rules for tags, aliases and phone numbers (JPush's); private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

enum {
    AURNameMaxBytes = 40,
    AURTagsMax = 1000,           // of a device
    AURTagsMaxBytes = 5000,      // of a call
    AURTagsMaxBytesOld = 7000,   // of a call of the deprecated methods
};

/// nil, or why an alias cannot be. The empty one is allowed: it removes the alias.
NSError *_Nullable AURCheckAlias(NSString *_Nullable alias);

/// nil, or why a set of tags cannot be. The empty one is allowed.
NSError *_Nullable AURCheckTags(NSSet<NSString *> *_Nullable tags, NSUInteger maxBytes);

/// The legal ones among some tags, at most AURTagsMax.
NSSet<NSString *> *AURValidTags(NSSet<NSString *> *tags);

/// nil, or why a live activity or its type cannot have this name. nil is no name, and fine.
NSError *_Nullable AURCheckActivityName(NSString *_Nullable name);

/// nil, or why this is not a phone number. The empty one is allowed.
NSError *_Nullable AURCheckMobile(NSString *mobile);

NS_ASSUME_NONNULL_END
