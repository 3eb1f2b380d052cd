// What can go wrong, as numbers. The numbers are JPush's where it has one.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// The domain of every error of this SDK. Errors of the network are translated into it; the original is under
/// NSUnderlyingErrorKey.
extern NSString *const AURErrorDomain;

/// In userInfo: Aurora's own number of a refusal (docs/errors.md), an NSNumber.
extern NSString *const AURErrorServerCodeKey;
/// In userInfo: the HTTP status of a refusal, an NSNumber.
extern NSString *const AURErrorStatusKey;
/// In userInfo of AURErrorConfiguration: the keys of PushConfig.plist that are at fault, an NSArray of NSString, in order.
/// `PLIST` stands for the file as a whole.
extern NSString *const AURErrorKeysKey;

/// Codes of errors and of completions. Success is 0.
typedef NS_ENUM(NSInteger, AURErrorCode) {
    AURErrorNone = 0,
    AURErrorUnknownAppKey = 1005,      ///< Aurora has no app with this AppKey
    AURErrorMalformedAppKey = 1008,    ///< not 24 lower-case letters and digits
    AURErrorEmptyArgument = 6001,      ///< tags, alias or names are empty where something is needed
    AURErrorTimedOut = 6002,           ///< not confirmed within 20 s; the value is kept and still delivered
    AURErrorAliasCharacters = 6003,    ///< the alias holds a comma or a control character
    AURErrorAliasTooLong = 6004,       ///< the alias has more than 40 bytes of UTF-8
    AURErrorTagCharacters = 6005,      ///< a tag holds a comma or a control character
    AURErrorTagTooLong = 6006,         ///< a tag has more than 40 bytes of UTF-8
    AURErrorTooManyTags = 6007,        ///< more than 1000 tags
    AURErrorTagsTooLong = 6008,        ///< all tags together have more than 5000 bytes (7000 for the deprecated calls)
    AURErrorUnexpected = 6009,         ///< a defect, here or in Aurora's answer
    AURErrorServerBusy = 6014,         ///< no network, or Aurora is busy or away; try again
    AURErrorUnknownDevice = 6016,      ///< Aurora does not know this registration; the SDK registers anew
    AURErrorRefused = 6017,            ///< Aurora refuses the request; the message says why
    AURErrorDeviceTagsFull = 6018,     ///< the device carries 1000 tags already
    AURErrorReadingTags = 6019,        ///< the tags could not be read
    AURErrorMobileCharacters = 6023,   ///< a phone number has digits and hyphens, and may begin with +
    AURErrorMobileTooLong = 6025,      ///< a phone number has at most 20 characters
    AURErrorAliasFull = 6027,          ///< the alias is bound to ten devices already
    AURErrorNotSetUp = 6100,           ///< setup was not called, or failed; Aurora's own number
    AURErrorNotSupported = 6101,       ///< Aurora has no such feature; Aurora's own number
    AURErrorConfiguration = 6102,      ///< PushConfig.plist is wrong; Aurora's own number
};

NS_ASSUME_NONNULL_END
